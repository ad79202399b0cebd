"use strict";
document.documentElement.classList.add("js");

// A shorter loop would be a buzz, in seconds.
const SHORTEST_LOOP = 0.1;

// Plays versions of one recording at the same moment and equally loud, in a loop if wanted, and moves a playhead over
// their figure, if there is one. A version may begin later in the recording: at `data-start`, in seconds.
// Keys work wherever `keys` has the focus. Returns what a script needs to go on from these players.
function synchronise(section, keys = section) {
  const players = [...section.querySelectorAll("audio")];
  const starts = players.map(player => Number(player.dataset.start));
  const buttons = [...section.querySelectorAll(".versions button")];
  const match = section.querySelector("input[type=checkbox]"), looper = section.querySelector(".loop");
  const { columns, top, bottom, seconds } = JSON.parse(section.dataset.figure ?? '{"columns": []}');
  const lines = columns.map(() => Object.assign(document.createElement("i"), { className: "playhead" }));
  const areas = columns.map(() => Object.assign(document.createElement("i"), { className: "playhead area" }));
  // the ends of the loop, as far as they are set, in seconds of the recording
  let active = 0, isPlaying = false, loop = [], frame = 0;

  function show() {
    players.forEach((player, i) => { player.parentElement.hidden = i !== active; });
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === active));
  }

  const moment = () => starts[active] + players[active].currentTime;

  function seek(to) {
    const player = players[active];
    player.currentTime = Math.max(0, Math.min(to - starts[active], player.duration || Infinity));
  }

  function choose(i) {
    if (i === active || !players[i]) return;
    const at = moment(), playing = !players[active].paused;
    players[active].pause();
    active = i;
    seek(at);
    show();
    if (playing) players[active].play();
  }

  function level() {
    const loudness = players.map(player => Number(player.dataset.loudness));
    const softest = Math.min(...loudness.filter(Number.isFinite));
    players.forEach((player, i) => {
      const matched = match?.checked && Number.isFinite(loudness[i]);
      player.volume = matched ? 10 ** ((softest - loudness[i]) / 20) : 1;
    });
  }

  function setLoop(ends) {
    loop = ends;
    const [start, end] = ends.map(at => `${Math.floor(at / 60)}:${(at % 60).toFixed(1).padStart(4, "0")}`);
    looper.textContent = end ? `Stop looping ${start} to ${end}` : start ? `Loop ${start} to here` : "Loop from here";
    follow();
  }

  function markLoop() {
    const ends = loop.length === 2 ? [] : [...loop, moment()].sort((a, b) => a - b);
    if (ends.length < 2) return setLoop(ends);
    // not beyond the end, where nothing is to be heard
    const start = Math.min(ends[0], starts[active] + players[active].duration - SHORTEST_LOOP);
    setLoop([start, Math.max(ends[1], start + SHORTEST_LOOP)]);
  }

  function goRound() {
    const player = players[active], over = player.ended || (!player.paused && moment() >= loop[1]);
    if (loop.length < 2 || !over) return;
    seek(loop[0]);
    player.play();
  }

  // Lay a mark over a column of the figure, between two shares of its time axis.
  function lay(mark, image, [left, right], from, to) {
    mark.hidden = from > 1;
    mark.style.left = `${image.offsetLeft + image.offsetWidth * (left + (right - left) * from)}px`;
    mark.style.top = `${image.offsetTop + image.offsetHeight * top}px`;
    mark.style.height = `${image.offsetHeight * (bottom - top)}px`;
    if (to) mark.style.width = `${image.offsetWidth * (right - left) * (Math.min(to, 1) - from)}px`;
  }

  function point() {
    const image = columns.length && document.querySelector(section.dataset.picture);
    if (!image || !section.isConnected) return;
    if (!lines[0].isConnected) {
      image.parentElement.querySelectorAll(".playhead").forEach(line => line.remove());
      image.parentElement.style.position = "relative";
      image.parentElement.append(...areas, ...lines);
      // the figure may come later, and have another size then
      new ResizeObserver(point).observe(image);
    }
    columns.forEach((column, i) => {
      lay(lines[i], image, column, moment() / seconds);
      lay(areas[i], image, column, loop.length === 2 ? loop[0] / seconds : Infinity, loop[1] / seconds);
    });
  }

  function follow() {
    goRound();
    point();
    cancelAnimationFrame(frame);
    // without a loop or a figure there is nothing to follow
    if (!players[active].paused && (loop.length || columns.length)) frame = requestAnimationFrame(follow);
  }

  // what is heard is loaded before the other versions
  function load() {
    players[active].preload = "auto";
    const others = () => players.forEach(player => { player.preload = "auto"; });
    players[active].addEventListener("canplaythrough", others, { once: true });
  }

  players.forEach(player => {
    player.addEventListener("play", () => { isPlaying = true; follow(); });
    // a player that is taken off the page pauses, too
    player.addEventListener("pause", () => { isPlaying &&= !player.isConnected; });
    player.addEventListener("seeking", point);
    // where the page is not seen, no frames are drawn
    player.addEventListener("timeupdate", goRound);
    player.addEventListener("ended", goRound);
  });
  buttons.forEach((button, i) => button.addEventListener("click", () => choose(i)));
  match?.addEventListener("change", level);
  looper.addEventListener("click", markLoop);
  keys.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key >= "1" && event.key <= "9") choose(Number(event.key) - 1);
    if (event.key === "l" && !event.target.closest("input")) markLoop();
    if (event.key === " " && !event.target.closest("button, input, audio")) {
      event.preventDefault();
      if (players[active].paused) players[active].play(); else players[active].pause();
    }
  });
  level();
  show();
  point();
  // once it is chosen what is heard first
  queueMicrotask(load);
  return {
    choose, seek, setLoop,
    loop: () => loop, active: () => active, player: () => players[active], isPlaying: () => isPlaying,
  };
}
