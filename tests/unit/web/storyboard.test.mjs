import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cueAt, parseStoryboard } from '../../../src/web/watch/storyboard.js';

const TEXT = `WEBVTT

00:00:00.000 --> 00:00:02.000
storyboard_0.jpg?token=a.b#xywh=0,0,160,90

00:00:02.000 --> 00:00:04.000
storyboard_0.jpg?token=a.b#xywh=160,0,160,90

nonsense
storyboard_0.jpg#xywh=1,2,3,4

01:00:04.000 --> 01:00:05.500
storyboard_1.jpg#xywh=0,90,160,90
`;
const cues = parseStoryboard(TEXT, 'http://h/vod/ID/storyboard.vtt?token=a.b');

test('cues say when and where', () => {
  assert.equal(cues.length, 3);
  assert.deepEqual(cues[1], {
    start: 2, end: 4, url: 'http://h/vod/ID/storyboard_0.jpg?token=a.b', x: 160, y: 0,
    width: 160, height: 90,
  });
  assert.equal(cues[2].start, 3604);
  assert.equal(cues[2].end, 3605.5);
  assert.equal(cues[2].url, 'http://h/vod/ID/storyboard_1.jpg');
  assert.deepEqual(parseStoryboard('', 'http://h/'), []);
});

test('each moment has its cue', () => {
  const starts = [0, 1.99, 2, 3.9, 100, 3604, 9999].map((time) => cueAt(cues, time).start);
  assert.deepEqual(starts, [0, 0, 2, 2, 2, 3604, 3604]);
  assert.equal(cueAt([], 1), null);
});
