// The keyboard, as other players have it. Where a button or slider has the focus, its own keys win.
const own = {
  button: [' ', 'Enter'],
  summary: [' ', 'Enter'],
  a: ['Enter'],
  ul: ['ArrowLeft', 'ArrowRight'],
  input: [' ', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp',
    'PageDown'],
};

// Where one writes or chooses, every key belongs to that.
const writes = (node) => node.isContentEditable
  || ['textarea', 'select'].includes(node.localName)
  || (node.localName === 'input' && node.type !== 'range')
  || node.getAttribute?.('role') === 'menuitem';

export function listenKeys(player, controls) {
  const { video } = player;
  const replay = () => player.source === 'vod';
  const actions = {
    ' ': () => player.toggle(),
    k: () => player.toggle(),
    m: () => controls.toggleSound(),
    f: () => controls.toggleFullscreen(),
    i: () => controls.toggleReadout(),
    j: () => player.seekBy(-10),
    l: () => (replay() ? player.seekBy(10) : player.jumpToLive()),
    ArrowLeft: () => player.seekBy(-5),
    ArrowRight: () => player.seekBy(5),
    ArrowUp: () => controls.setVolume(video.volume + 0.1),
    ArrowDown: () => controls.setVolume(video.volume - 0.1),
    Home: () => player.seekTo(player.range().start),
    End: () => (replay() ? player.seekTo(Infinity) : player.jumpToLive()),
  };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !player.source) return;
    if (event.isComposing || writes(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (own[event.target.localName]?.includes(key)) return;
    // Up and down also scroll the page: they are the player's only while it has the focus.
    const scrolls = ['ArrowUp', 'ArrowDown', 'Home', 'End'].includes(key);
    if (scrolls && !controls.stage.contains(event.target)) return;
    const action = actions[key];
    if (!action) return;
    event.preventDefault();
    controls.wake();
    action();
  });
}
