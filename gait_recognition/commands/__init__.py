"""The sub-commands of `gait-recognition`, one module for each or for a family of them.

`cli` lists them, and imports the one that is called: `<name>_arguments` adds a command's arguments to its parser,
`<name>_command` runs it and returns the exit status.
"""

