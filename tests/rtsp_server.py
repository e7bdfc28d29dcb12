"""An RTSP server, GStreamer's, in a process of the system's Python: what the tests of streams ask.

    /usr/bin/python3 tests/rtsp_server.py PORT 'FOLDER/%04d.jpg' FRAMES_A_SECOND [USER PASSWORD]

The pictures, over and over, at rtsp://127.0.0.1:PORT/hall; prints a line once it can be asked.
"""
import sys

PYTHON = '/usr/bin/python3'
NEEDED = """
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gst, GstRtspServer
Gst.init(None)
missing = [name for name in ('multifilesrc', 'jpegdec', 'jpegenc', 'rtpjpegpay') if not Gst.ElementFactory.find(name)]
raise SystemExit(f'GStreamer has no {missing}' if missing else 0)
"""
PIPELINE = ('( multifilesrc location="{pattern}" loop=true caps="image/jpeg,framerate={fps}/1" ! jpegdec '
            '! videoconvert ! video/x-raw,format=I420 ! identity sync=true ! jpegenc quality=95 '
            '! rtpjpegpay name=pay0 pt=26 )')


def main():
    import gi
    gi.require_version('Gst', '1.0')
    gi.require_version('GstRtspServer', '1.0')
    from gi.repository import GLib, Gst, GstRtspServer
    port, pattern, fps, *account = sys.argv[1:]
    Gst.init(None)
    server, factory = GstRtspServer.RTSPServer(), GstRtspServer.RTSPMediaFactory()
    server.set_address('127.0.0.1')
    server.set_service(port)
    factory.set_launch(PIPELINE.format(pattern=pattern, fps=fps))
    factory.set_shared(False)
    if account:
        guard(server, factory, *account, GstRtspServer)
    server.get_mount_points().add_factory('/hall', factory)
    if not server.attach(None):
        raise SystemExit(f'port {port} is taken')
    print('ready', flush=True)
    GLib.MainLoop().run()


def guard(server, factory, user, password, library):
    """Nobody gets in without the password."""
    guard, token = library.RTSPAuth(), library.RTSPToken()
    token.set_string('media.factory.role', 'viewer')
    guard.add_basic(library.RTSPAuth.make_basic(user, password), token)
    server.set_auth(guard)
    permissions = library.RTSPPermissions()
    permissions.add_permission_for_role('viewer', 'media.factory.access', True)
    permissions.add_permission_for_role('viewer', 'media.factory.construct', True)
    factory.set_permissions(permissions)


if __name__ == '__main__':
    main()
