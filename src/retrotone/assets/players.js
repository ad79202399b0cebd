"use strict";
document.documentElement.classList.add("js");

// Plays versions of one recording at the same moment and equally loud, and moves a playhead over their figure.
// Keys work wherever `keys` has the focus.
function synchronise(section, keys = section) {
  const players = [...section.querySelectorAll("audio")];
  const buttons = [...section.querySelectorAll(".versions button")];
  const match = section.querySelector("input[type=checkbox]");
  const { columns, top, bottom, seconds } = JSON.parse(section.dataset.figure);
  const lines = columns.map(() => Object.assign(document.createElement("i"), { className: "playhead" }));
  let active = 0;

  function show() {
    players.forEach((player, i) => { player.parentElement.hidden = i !== active; });
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === active));
  }

  function choose(i) {
    if (i === active || !players[i]) return;
    const from = players[active], to = players[i], playing = !from.paused;
    from.pause();
    to.currentTime = Math.min(from.currentTime, to.duration || Infinity);
    active = i;
    show();
    if (playing) to.play();
  }

  function level() {
    const loudness = players.map(player => Number(player.dataset.loudness));
    const softest = Math.min(...loudness.filter(Number.isFinite));
    players.forEach((player, i) => {
      player.volume = match.checked && Number.isFinite(loudness[i]) ? 10 ** ((softest - loudness[i]) / 20) : 1;
    });
  }

  function point() {
    const image = document.querySelector(section.dataset.picture);
    if (!image || !section.isConnected) return;
    if (!lines[0].isConnected) {
      image.parentElement.querySelectorAll(".playhead").forEach(line => line.remove());
      image.parentElement.style.position = "relative";
      image.parentElement.append(...lines);
    }
    const share = players[active].currentTime / seconds;
    lines.forEach((line, i) => {
      const [left, right] = columns[i];
      line.hidden = share > 1;
      line.style.left = `${image.offsetLeft + image.offsetWidth * (left + (right - left) * share)}px`;
      line.style.top = `${image.offsetTop + image.offsetHeight * top}px`;
      line.style.height = `${image.offsetHeight * (bottom - top)}px`;
    });
    if (!players[active].paused) requestAnimationFrame(point);
  }

  players.forEach(player => {
    player.addEventListener("play", point);
    player.addEventListener("seeking", point);
  });
  buttons.forEach((button, i) => button.addEventListener("click", () => choose(i)));
  match.addEventListener("change", level);
  keys.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key >= "1" && event.key <= "9") choose(Number(event.key) - 1);
    if (event.key === " " && !event.target.closest("button, input, audio")) {
      event.preventDefault();
      if (players[active].paused) players[active].play(); else players[active].pause();
    }
  });
  level();
  show();
}
