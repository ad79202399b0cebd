// Only one player sounds at a time. Gradio's players are not part of the document, so their `play` is not seen in it.
let sounding = null;
function letSound(player) {
  if (sounding && sounding !== player) sounding.pause();
  sounding = player;
}
document.addEventListener("play", event => letSound(event.target), true);
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  letSound(this);
  return play.call(this);
};

// How far the song has come: in the players of its versions, or in its own.
function playedSeconds() {
  if (sounding?.closest(".players")) return Number(sounding.dataset.start) + sounding.currentTime;
  const [minutes, seconds] = (document.querySelector("#song time")?.textContent ?? "0:0").split(":").map(Number);
  return 60 * minutes + seconds;
}

// The players of what is being chosen: an excerpt, then the whole song.
let live = null;

// Where the next excerpt is to begin.
function wantedSeconds() {
  return live?.loop().length === 2 ? live.loop()[0] : playedSeconds();
}

// An excerpt that comes later than this, in seconds, begins at its beginning.
const LATEST = 5;

// Connect the players that an element of Gradio's shows, if any.
function connect(element) {
  const section = element.querySelector(".players");
  if (!section) return null;
  // Gradio would turn these players into the next ones, piece by piece, but replaces what has another tag
  const box = document.createElement("div");
  section.replaceWith(box);
  box.append(section);
  return synchronise(section);
}

// Connect new live players, which go on where the song has come to. An excerpt is heard at once; the whole song, which
// alone can be downloaded, takes the place of an excerpt that still plays.
function goOn(element) {
  const former = live, at = playedSeconds(), isExcerpt = !element.querySelector("a[download]");
  live = connect(element);
  if (!live) return;
  live.choose(isExcerpt || !former ? 1 : former.active());
  const start = Number(live.player().dataset.start);
  live.seek(isExcerpt && at > start + LATEST ? start : at);
  live.setLoop(former?.loop() ?? []);
  if (isExcerpt || former?.isPlaying()) live.player().play();
}

// Wait until a whole song can be played, and load its excerpt first: on a slow network neither would be heard.
async function whenPlayable(players) {
  const excerpt = live?.player(), next = document.createElement("template");
  next.innerHTML = players;
  const [one, other] = [excerpt?.closest(".players"), next.content.querySelector(".players")];
  const address = one?.dataset.sound === other?.dataset.sound && other?.querySelector("a[download]")?.href;
  // some browsers load nothing that does not play
  const isIdle = player => player.networkState === HTMLMediaElement.NETWORK_IDLE;
  let whole = null;
  while (address && excerpt?.isConnected && !excerpt.ended && !excerpt.error) {
    if (excerpt.readyState === HTMLMediaElement.HAVE_ENOUGH_DATA || isIdle(excerpt)) whole ??= new Audio(address);
    if (whole && (whole.error || isIdle(whole) || whole.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA)) break;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  // a sound that was left is not loaded any more
  if (whole && !excerpt.isConnected) whole.src = "";
  return players;
}

// Return the players that follow those heard: none but of the same sound, as another may be heard by now.
function follow(heard, next) {
  const [one, other] = [heard, next].map(html => /data-sound="(\w+)"/.exec(html)?.[1]);
  return one && one === other ? next : heard;
}

// Connect the players of a restyled song, which go on where the same sound was heard live, and in its loop.
function takeOver(element) {
  const names = root => [...root.querySelectorAll(".versions button")].map(button => button.textContent).join();
  const isSame = live && names(element) === names(document.getElementById("live"));
  const at = playedSeconds(), players = connect(element);
  if (!players || !isSame) return;
  players.choose(live.active());
  players.seek(at);
  players.setLoop(live.loop());
  if (live.isPlaying()) players.player().play();
}

// A server that was started again has none of the files that this page names (410), and asks for its password (401).
const ask = window.fetch;
let isLeft = false;
window.fetch = async (...given) => {
  const answer = await ask(...given);
  if (!isLeft && (answer.status === 410 || answer.status === 401)) {
    isLeft = true;
    alert("The server was started again and has no files of yours any more: upload your song again.");
    location.reload();
  }
  return answer;
};

// An error goes when the visitor goes on: to another tab, or to the next job.
document.addEventListener("click", event => {
  if (!event.target.closest("[role=tab], button.primary")) return;
  for (const close of document.querySelectorAll(".toast-close")) close.click();
}, true);

// The second click of a double click would start a job twice.
document.addEventListener("click", event => {
  if (event.detail > 1 && event.target.closest("button.primary")) event.stopImmediatePropagation();
}, true);

// A figure has a dark one beside it, which the dark theme shows.
function showFigures() {
  const isDark = document.body.classList.contains("dark");
  for (const image of document.querySelectorAll(".figure img")) {
    if (image.src !== image.dataset.shown) image.dataset.light = image.src;
    const light = image.dataset.light;
    image.dataset.shown = isDark ? light.replace(/\.png$/, "-dark.png") : light;
    if (image.src !== image.dataset.shown) image.src = image.dataset.shown;
  }
}
new MutationObserver(showFigures).observe(
  document, { childList: true, subtree: true, attributes: true, attributeFilter: ["src", "class"] });

// Gradio gives each radio button a group of its own, and a new one with each change: arrow keys would not move on.
let groups = 0;
function groupRadios() {
  for (const button of document.querySelectorAll("fieldset input[type=radio]")) {
    const set = button.closest("fieldset");
    if (set.getAttribute("role") !== "radiogroup") {
      set.setAttribute("role", "radiogroup");
      set.setAttribute("aria-label", set.querySelector("[data-testid=block-info]").textContent);
      set.dataset.group = `group-${groups++}`;
    }
    if (button.name !== set.dataset.group) button.name = set.dataset.group;
  }
}
const changes = { childList: true, subtree: true, attributes: true, attributeFilter: ["name"] };
new MutationObserver(groupRadios).observe(document, changes);

// Gradio calls the button that adds a file by the key of a missing translation, and every message of an error "Error".
function nameParts() {
  for (const button of document.querySelectorAll("[aria-label='common.upload']")) {
    button.title = button.ariaLabel = "Add a file";
  }
  for (const title of document.querySelectorAll(".toast-title")) {
    if (title.textContent.trim() === "Error") title.textContent = "That did not work";
  }
}
new MutationObserver(nameParts).observe(document, { childList: true, subtree: true });

// In the table of similar tracks the arrow keys choose a row as the mouse does, so that it plays.
document.addEventListener("keyup", event => {
  const isArrow = event.key === "ArrowUp" || event.key === "ArrowDown";
  if (!isArrow || !event.target.closest?.("#similar-table")) return;
  // the table may move its selection only after the key is up
  setTimeout(() => {
    const cell = document.querySelector("#similar-table .cell-selected");
    cell?.dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
  }, 50);
});

// How many files were dropped: the first is taken, and a message says so.
let given = 1;

// Gradio knows a song by its name alone, and refuses what else may be one: here the server tells what a file is.
function asSong(file) {
  const files = new DataTransfer();
  const type = file.type.startsWith("audio/") ? file.type : "audio/unknown";
  files.items.add(new File([file], file.name, { type }));
  return files.files;
}
document.addEventListener("change", event => {
  const input = event.target;
  given = 1;
  if (input.matches(".upload input[type=file]") && input.files.length) input.files = asSong(input.files[0]);
}, true);

// A browser sends %22 for a quotation mark in the name of a file.
const append = FormData.prototype.append;
FormData.prototype.append = function (field, value, ...name) {
  if (value instanceof File) name = [value.name.replaceAll('"', "'")];
  append.call(this, field, value, ...name);
};

// A browser would leave the page for a file that is dropped beside an upload, and no upload takes a folder.
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, event => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
}
document.addEventListener("drop", event => {
  const folder = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry()).find(entry => entry?.isDirectory);
  if (!folder) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  alert(`${folder.name} is a folder: drop sound files onto this page.`);
}, true);

// A song is dropped onto an empty upload, or onto the player of another, whose place it takes.
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, event => {
    const upload = event.target.closest?.(".upload");
    if (!upload || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    if (kind === "dragover") return;
    event.stopPropagation();
    const [file] = event.dataTransfer.files, count = event.dataTransfer.files.length;
    const put = () => {
      const input = upload.querySelector("input[type=file]");
      if (!input) return false;
      input.files = asSong(file);
      input.dispatchEvent(new Event("change", { bubbles: true }));
      given = count;
      return true;
    };
    if (put()) return;
    const waiting = new MutationObserver(() => put() && waiting.disconnect());
    waiting.observe(upload, { childList: true, subtree: true });
    upload.querySelector("button[aria-label=Clear]")?.click();
  }, true);
}
