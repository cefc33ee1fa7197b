// The bar over the picture: play, sound, place in time, readout, fullscreen.
import { byId, setHidden, setText } from '../shared/dom.js';
import { clock } from '../shared/format.js';

const SLEEP_MS = 2800;
// A live stream that goes back no further has nothing to look for.
const PAST_MIN = 45;
// As near to the end as playback is by itself.
const HERE = 3;

export class Controls {
  constructor(player) {
    this.player = player;
    this.stage = byId('stage');
    this.seeking = false;
    this.#wire();
    this.refresh();
  }

  // The bar goes away while the picture plays and nothing is touched.
  wake() {
    this.stage.classList.remove('asleep');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const held = byId('controls').matches(':focus-within:has(:focus-visible)');
      if (this.player.condition === 'playing' && !held) this.stage.classList.add('asleep');
    }, SLEEP_MS);
  }

  toggleSound() {
    const { video } = this.player;
    video.muted = !video.muted;
    if (!video.muted && video.volume === 0) video.volume = 0.5;
  }

  setVolume(volume) {
    const { video } = this.player;
    video.volume = Math.min(Math.max(volume, 0), 1);
    video.muted = video.volume === 0;
  }

  toggleFullscreen() {
    const { stage } = this;
    const { video } = this.player;
    if (document.fullscreenElement) document.exitFullscreen();
    else if (stage.requestFullscreen) stage.requestFullscreen().catch(() => {});
    else video.webkitEnterFullscreen?.();
  }

  toggleReadout() {
    const details = byId('readout');
    details.open = !details.open;
  }

  refresh() {
    const { player, stage } = this;
    const { video } = player;
    const live = player.source === 'live';
    const silent = video.muted || video.volume === 0;
    stage.dataset.source = player.source ?? 'none';
    stage.classList.toggle('paused', video.paused);
    stage.classList.toggle('silent', silent);
    byId('play').setAttribute('aria-label', video.paused ? 'Play (k)' : 'Pause (k)');
    byId('sound').setAttribute('aria-label', silent ? 'Sound on (m)' : 'Sound off (m)');
    byId('full').setAttribute('aria-label',
      document.fullscreenElement ? 'Leave fullscreen (f)' : 'Fullscreen (f)');
    setHidden(byId('unmute'), !(video.muted && player.condition === 'playing' && !this.heard));
    setHidden(byId('start'), player.condition !== 'blocked');
    setHidden(byId('again'), !(player.condition === 'finished' && player.source === 'vod'));
    setHidden(byId('golive'), !live);
    byId('seek').setAttribute('aria-label', live ? 'Place in the stream' : 'Place in the recording');
    if (player.source) setHidden(byId('readout'), false);
    this.#showVolume(silent ? 0 : Math.round(video.volume * 100));
    this.tick();
  }

  tick() {
    const { player } = this;
    const { video } = player;
    const { start, end } = player.range();
    const live = player.source === 'live';
    // Once it is there it stays: a hand may be on it.
    const past = live && (end - start > PAST_MIN || !byId('place').hidden);
    setHidden(byId('place'), !past && player.source !== 'vod');
    setHidden(byId('time'), live && !past);
    if (live) {
      const here = !video.paused && !(end - video.currentTime > HERE);
      byId('golive').classList.toggle('here', here);
      byId('golive').setAttribute('aria-label', here ? 'At the live edge' : 'Jump to live (l)');
    }
    if (!this.seeking && player.source && end > start) {
      this.#tickPlace(start, Math.min(Math.max(video.currentTime, start), end), end);
    }
  }

  #showVolume(percent) {
    const slider = byId('volume');
    slider.value = percent;
    slider.style.setProperty('--done', `${percent}%`);
  }

  #tickPlace(start, time, end) {
    const slider = byId('seek');
    slider.min = start;
    slider.max = end;
    slider.value = time;
    this.#showPlace(start, time, end);
  }

  // In a recording how far in, in a live stream how far behind.
  #showPlace(start, time, end) {
    const slider = byId('seek');
    const live = this.player.source === 'live';
    const behind = end - time > HERE ? clock(end - time) : '';
    slider.style.setProperty('--done', `${((time - start) / (end - start)) * 100}%`);
    if (live) {
      setText(byId('time'), behind && `−${behind}`);
      slider.setAttribute('aria-valuetext', behind ? `${behind} behind live` : 'Live');
    } else {
      setText(byId('time'), `${clock(time)} / ${clock(end)}`);
      slider.setAttribute('aria-valuetext', `${clock(time)} of ${clock(end)}`);
    }
  }

  #wire() {
    const { player, stage } = this;
    const { video } = player;
    const click = (id, handle) => byId(id).addEventListener('click', handle);
    click('play', () => player.toggle());
    click('sound', () => this.toggleSound());
    click('full', () => this.toggleFullscreen());
    click('golive', () => player.jumpToLive());
    click('again', () => player.replay());
    click('start', () => {
      video.muted = false;
      player.start();
    });
    click('unmute', () => this.toggleSound());
    byId('volume').addEventListener('input', (event) => this.setVolume(event.target.value / 100));
    this.#wireSeek(byId('seek'));
    this.#wirePicture();

    for (const name of ['play', 'pause', 'volumechange']) {
      video.addEventListener(name, () => {
        if (!video.muted) this.heard = true;
        this.refresh();
      });
    }
    video.addEventListener('timeupdate', () => this.tick());
    document.addEventListener('fullscreenchange', () => this.refresh());
    for (const name of ['pointermove', 'pointerdown', 'focusin']) {
      stage.addEventListener(name, () => this.wake());
    }
  }

  #wireSeek(slider) {
    slider.addEventListener('input', () => {
      this.seeking = true;
      this.#showPlace(Number(slider.min), Number(slider.value), Number(slider.max));
    });
    slider.addEventListener('change', () => {
      this.seeking = false;
      const { value, max } = slider;
      // Who lets go at the end wants to be where it is by now.
      if (this.player.source === 'live' && max - value < HERE) this.player.jumpToLive();
      else this.player.seekTo(Number(value));
    });
  }

  // A mouse's click on the picture pauses; a finger's first brings the bar back, as it has no hover.
  #wirePicture() {
    const { player, stage } = this;
    let asleep = false;
    const picture = byId('video');
    stage.addEventListener('pointerdown', () => { asleep = stage.classList.contains('asleep'); },
      { capture: true });
    picture.addEventListener('click', (event) => {
      if (event.pointerType === 'touch') {
        if (!asleep) stage.classList.add('asleep');
      } else {
        player.toggle();
      }
    });
    picture.addEventListener('dblclick', () => this.toggleFullscreen());
  }
}
