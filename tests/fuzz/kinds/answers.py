"""Files of kept answers, cut off, damaged or of something else: what stood there is there, or the file is as it was."""
import json

from gait_recognition.batches import KeptAnswers
from tests.fuzz import REFUSED, RIGHT
from tests.fuzz.texts import CELLS, cell, damaged


class Kind:
    def __init__(self, folder):
        self.path = folder / 'answers.jsonl'

    def try_one(self, random, number):
        kept = {f'{i}': {'key': f'{i}', 'walk': cell(random), 'vector': [0.5] * 5} for i in range(random.randrange(5))}
        lines = [json.dumps(answer) for answer in kept.values()]
        if random.random() < 0.2:                               # as other programs write them
            lines = [json.dumps({name: answer[name] for name in reversed(answer)}) for answer in kept.values()]
        is_whole = random.random() < 0.5 or not lines
        if not is_whole:
            at = random.randrange(len(lines))
            lines[at] = random.choice((lines[at][:random.randrange(len(lines[at]))], '{"key": [1]}', '{"key": ' * 5000,
                                       '[]', 'null', '{"walk": 1}', random.choice(CELLS)))
        text = ''.join(f'{line}\n' for line in lines).encode('utf-8', 'surrogatepass')
        if random.random() < 0.4:                               # an interruption, or a text of the user's
            text = text[:random.randrange(len(text) + 1)]
            is_whole = False
        data = damaged(random, text)
        is_whole = is_whole and data == text
        self.path.write_bytes(data)
        try:
            with KeptAnswers(self.path) as answers:
                found = {key: answers.get(key) for key in kept}
                answers.add('new', {'walk': 'a'})
        except ValueError as error:
            assert str(self.path) in str(error), f'no name in: {error}'
            assert not is_whole, f'refused what is right: {error}'
            assert self.path.read_bytes() == data, 'a refused file is another'
            return REFUSED
        now = self.path.read_bytes()
        assert now.endswith(b'\n') and json.loads(now.splitlines()[-1]) == {'key': 'new', 'walk': 'a'}
        assert data.startswith(now[:now[:-1].rfind(b'\n') + 1]), 'lines of before are others'
        assert data[now[:-1].rfind(b'\n') + 1:].startswith(b'{"key": '[:len(data) - now[:-1].rfind(b'\n') - 1])
        with KeptAnswers(self.path) as answers:
            assert answers.get('new') and all(answers.get(key) == value for key, value in found.items())
        assert not is_whole or found == kept, 'other answers'
        return RIGHT
