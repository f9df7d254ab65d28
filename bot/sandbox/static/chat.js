import { formatted, safeLink } from "./entities.js";

const $ = (id) => document.getElementById(id);
const log = $("log");
const list = $("messages");
const words = $("words");
const touch = matchMedia("(pointer: coarse)");
const narrow = matchMedia("(max-width: 59.99rem)");

let user = 1001;
let stream = null;
let state = null; // the latest event, without its messages
let typingTimer = 0;
let toastTimer = 0;
let first = true; // the first event after opening a chat: nothing of it is news
const shown = new Map(); // message id -> message
const people = new Map(); // user id -> person, kept for a sandbox that was started again
const seen = new Map(); // user id -> latest bot message looked at
const drafts = new Map(); // user id -> words not sent yet

/* ---- the doors of the sandbox */

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `the sandbox answered ${response.status}`);
  return answer;
}

function problem(text) {
  $("problem").hidden = !text;
  $("problem").textContent = text;
}

async function attempt(action) {
  try {
    await action();
    problem("");
    return true;
  } catch (error) {
    const away = error instanceof TypeError;
    problem(away ? "The sandbox isn't answering. Is it still running?" : `That didn't work: ${error.message}.`);
    return false;
  }
}

/* ---- which chat */

async function begin() {
  const asked = Number(new URLSearchParams(location.search).get("user"));
  await attempt(refreshPeople);
  await open(asked > 0 ? asked : (people.keys().next().value ?? 1001));
}

async function refreshPeople() {
  const response = await fetch("/sandbox/users");
  for (const person of await response.json()) people.set(person.user, person);
}

async function open(id) {
  drafts.set(user, words.value);
  user = id;
  const address = new URL(location.href);
  address.searchParams.set("user", id);
  history.replaceState(null, "", address);
  shown.clear();
  list.replaceChildren();
  showTyping(null);
  $("jump").hidden = true;
  first = true;
  words.value = drafts.get(id) ?? "";
  grow();
  await listen();
}

async function listen() {
  stream?.close();
  const mine = user;
  const known = people.get(user);
  const ready = await attempt(() =>
    post("/sandbox/users", { user, name: known?.name, language_code: known?.language_code }),
  );
  if (mine !== user) return;
  if (!ready) {
    presence(null);
    setTimeout(() => mine === user && listen(), 1500);
    return;
  }
  const source = new EventSource(`/sandbox/events?user=${user}`);
  stream = source;
  source.addEventListener("message", (event) => source === stream && receive(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source !== stream) return;
    presence(null);
    // The browser tries again by itself, unless the answer was a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => source === stream && listen(), 1500);
  });
}

/* ---- what comes in */

function receive(event) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const before = state;
  state = event;
  problem("");
  people.clear();
  for (const person of event.users) people.set(person.user, person);
  if (seen.size === 0) for (const person of event.users) seen.set(person.user, person.latest);
  seen.set(user, event.users.find((p) => p.user === user)?.latest ?? 0);
  presence(event.bot);
  showMe(event.me);
  showPeople(event.users);
  if (JSON.stringify(before?.commands) !== JSON.stringify(event.commands)) showCommands(event.commands);

  if (event.full) {
    const kept = new Set(event.messages.map((m) => m.message_id));
    for (const id of [...shown.keys()]) if (!kept.has(id)) remove(id);
  }
  const news = [];
  let own = false;
  for (const message of event.messages) {
    const old = shown.get(message.message_id);
    if (old && JSON.stringify(old) === JSON.stringify(message)) continue;
    shown.set(message.message_id, message);
    place(message, draw(message), old);
    if (message.from === "bot") news.push({ message, old });
    else own = true;
  }
  days();
  marks();
  $("empty").hidden = shown.size > 0;
  $("empty-about").hidden = !event.bot.description;
  $("empty-about").textContent = event.bot.description;
  showTyping(event.typing);

  const added = news.some((n) => !n.old);
  if (first || own || atEnd) toEnd();
  else if (added) $("jump").hidden = false;
  if (!first) announce(news);
  if (event.notice && !first) notice(event.notice);
  first = false;
}

function presence(bot) {
  const name = bot?.name ?? $("bot-name").textContent;
  $("bot-name").textContent = name;
  $("avatar").textContent = [...name][0] ?? "?";
  document.title = `${name}: sandbox chat`;
  const line = $("bot-state");
  const text = bot === null ? "Sandbox not answering. Trying again…" : bot.listening ? "Online" : "Not running. Messages wait for it.";
  if (line.textContent !== text) line.textContent = text;
  line.dataset.state = bot === null ? "away" : bot.listening ? "on" : "off";
}

function showMe(me) {
  $("me-short").textContent = me.name;
  $("stopped").hidden = !me.blocked;
  $("composer").hidden = me.blocked;
  $("block").textContent = me.blocked ? "Unblock the bot" : "Block the bot";
  if (me.blocked) closeCommands();
}

/** Draw the switcher, touching only what changed, so that the focus stays. */
function showPeople(users) {
  const box = $("people");
  const wanted = users.map((person) => {
    const fresh = person.user !== user && person.latest > (seen.get(person.user) ?? 0);
    return { ...person, fresh, current: person.user === user };
  });
  const key = JSON.stringify(wanted.map((p) => [p.user, p.name, p.language_code, p.fresh, p.current, p.blocked]));
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.user : null;
  box.replaceChildren(
    ...wanted.map((person) => {
      const button = make("button", "person");
      button.type = "button";
      button.dataset.user = person.user;
      if (person.current) button.setAttribute("aria-current", "true");
      button.append(make("span", "person-name", person.name));
      const detail = [person.language_code, person.blocked ? "blocked the bot" : ""].filter(Boolean).join(", ");
      button.append(make("span", "person-detail", detail));
      if (person.fresh) button.append(make("span", "fresh", "New"));
      button.addEventListener("click", async () => {
        if (person.user !== user) await open(person.user);
        if (narrow.matches) closeSide();
      });
      const item = make("li");
      item.append(button);
      return item;
    }),
  );
  if (focused) box.querySelector(`[data-user="${focused}"]`)?.focus();
  const others = wanted.some((p) => p.fresh);
  $("side-open").classList.toggle("has-news", others);
  $("add-name").placeholder = `Patient ${Math.max(...users.map((p) => p.user), 1000) - 999}`;
}

/* ---- messages */

function make(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

function draw(message) {
  const mine = message.from === "user";
  const item = make("li", `message ${mine ? "mine" : "theirs"}${message.image ? " pictured" : ""}`);
  item.dataset.id = message.message_id;
  item.tabIndex = -1;
  const bubble = make("div", "bubble");
  bubble.append(make("p", "author", mine ? "You" : (state?.bot.name ?? "Bot")));
  const replied = message.reply_to ? shown.get(message.reply_to) : null;
  if (replied) bubble.append(make("p", "quoted", shorten(replied.text)));
  if (message.image) bubble.append(picture(message));
  if (message.document) bubble.append(attachment(message.document));
  if (message.location?.latitude !== undefined) {
    const { latitude, longitude } = message.location;
    bubble.append(make("p", "words", `Place: ${latitude}, ${longitude}`));
  } else if (message.text) {
    const text = make("div", "words");
    text.dir = "auto";
    text.append(formatted(message.text, message.entities, (command) => say(command)));
    bubble.append(text);
  }
  bubble.append(foot(message, mine));
  item.append(bubble);
  if (message.rows.length) item.append(keyboard(message));
  return item;
}

function shorten(text) {
  return text.length > 90 ? `${text.slice(0, 89)}…` : text;
}

function picture(message) {
  const link = make("a", "picture");
  link.href = message.image;
  link.target = "_blank";
  link.rel = "noopener";
  const image = make("img");
  image.src = message.image;
  image.alt = described(message);
  if (message.size.width && message.size.height) {
    // The place is kept free before the picture is there, so that nothing jumps.
    image.width = message.size.width;
    image.height = message.size.height;
    image.style.maxWidth = `${message.size.width}px`;
  }
  link.append(image, make("span", "unseen", " (opens full size)"));
  return link;
}

/** The picture in words: what its caption quotes, or else how the caption begins. */
function described(message) {
  const quote = message.entities.findLast((entity) => entity.type.endsWith("blockquote"));
  if (quote) return message.text.slice(quote.offset, quote.offset + quote.length);
  return message.text ? `Picture: ${shorten(message.text.split("\n")[0])}` : "Picture without a description";
}

function attachment(file) {
  const link = make("a", "file", file.name);
  link.href = file.url;
  link.download = file.name;
  const kilobytes = Math.max(1, Math.round((file.size ?? 0) / 1024));
  link.append(make("span", "file-size", ` ${kilobytes} KB`));
  return link;
}

function foot(message, mine) {
  const line = make("p", "foot");
  const date = new Date(message.date * 1000);
  if (message.edited) line.append(make("span", "", "edited"));
  const time = make("time", "", date.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" }));
  time.dateTime = date.toISOString();
  time.title = date.toLocaleString([], { dateStyle: "full", timeStyle: "short" });
  line.append(time);
  if (mine) line.append(make("span", "sent", "Sent"));
  return line;
}

function keyboard(message) {
  const box = make("div", "keyboard");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Choices");
  message.rows.forEach((row, rowNumber) => {
    const line = make("div", "keys");
    row.forEach((key, column) => {
      const href = key.url ? safeLink(key.url) : null;
      const node = make(href ? "a" : "button", "key", key.title);
      node.dir = "auto";
      if (href) {
        node.href = href;
        node.target = "_blank";
        node.rel = "noopener noreferrer";
        node.append(make("span", "out", " ↗"), make("span", "unseen", " (opens a web page)"));
      } else {
        node.type = "button";
        node.dataset.place = `${rowNumber},${column}`;
        node.addEventListener("click", () => press(message, node, rowNumber, column));
      }
      line.append(node);
    });
    box.append(line);
  });
  return box;
}

/** Put a message where its id belongs; one that is drawn again keeps the focus it had. */
function place(message, item, before) {
  const old = list.querySelector(`[data-id="${message.message_id}"]`);
  if (!old) {
    let after = null;
    for (const node of [...list.querySelectorAll(".message")].reverse()) {
      if (Number(node.dataset.id) < message.message_id) {
        after = node;
        break;
      }
    }
    if (after) after.after(item);
    else list.append(item);
    return;
  }
  const active = document.activeElement;
  const bubble = old.querySelector(".bubble");
  if (JSON.stringify(before?.rows) === JSON.stringify(message.rows) && !bubble.contains(active)) {
    // Its buttons stay as they are, so that a tap that has begun while the words change is not lost.
    bubble.replaceWith(item.querySelector(".bubble"));
    return;
  }
  const held = old.contains(active) && active !== old ? active : null;
  const heldItself = active === old;
  old.replaceWith(item);
  if (held) {
    const same = [...item.querySelectorAll("button, a")].find((n) => n.textContent === held.textContent);
    focusOn(same ?? item.querySelector(".key"), item);
  } else if (heldItself) item.focus({ preventScroll: true });
}

/** Focus a node, or else the message box; on a touch screen, where that opens a keyboard, the message. */
function focusOn(node, item) {
  (node ?? (touch.matches && item ? item : words)).focus({ preventScroll: true });
}

function remove(id) {
  shown.delete(id);
  const node = list.querySelector(`[data-id="${id}"]`);
  const held = node?.contains(document.activeElement);
  node?.remove();
  if (held) focusOn(null, log);
}

/** A line for each new day. */
function days() {
  for (const node of list.querySelectorAll(".day")) node.remove();
  let last = "";
  const today = new Date().toDateString();
  for (const node of list.querySelectorAll(".message")) {
    const date = new Date(shown.get(Number(node.dataset.id)).date * 1000);
    if (date.toDateString() === last) continue;
    last = date.toDateString();
    const words = date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
    node.before(make("li", "day", last === today ? "Today" : words));
  }
}

/** What is still under way: taps without an answer, messages the bot hasn't fetched. */
function marks() {
  const waiting = new Set(state.waiting.map((w) => `${w.message_id}:${w.row},${w.column}`));
  const unfetched = new Set(state.unfetched);
  for (const item of list.querySelectorAll(".message")) {
    for (const key of item.querySelectorAll("button.key")) {
      const busy = waiting.has(`${item.dataset.id}:${key.dataset.place}`);
      if (busy) key.setAttribute("aria-busy", "true");
      else key.removeAttribute("aria-busy");
    }
    const sent = item.querySelector(".sent");
    if (sent) {
      const waits = unfetched.has(shown.get(Number(item.dataset.id)).update) && !state.bot.listening;
      sent.textContent = waits ? "Sent. The bot gets it when it runs." : "Sent";
    }
  }
}

function showTyping(action) {
  clearTimeout(typingTimer);
  const following = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  $("typing").hidden = !action;
  if (!action) return;
  const name = $("bot-name").textContent;
  $("typing-words").textContent = action === "typing" ? `${name} is typing` : `${name} is sending something`;
  typingTimer = setTimeout(() => showTyping(null), 6000);
  if (following) toEnd();
}

function toEnd() {
  log.scrollTop = log.scrollHeight;
  // In a very low window the page itself scrolls.
  if (document.documentElement.scrollHeight > innerHeight) scrollTo(0, document.documentElement.scrollHeight);
  log.dataset.following = "yes";
  $("jump").hidden = true;
}

function announce(news) {
  if (!news.length) return;
  const lines = news.map(({ message, old }) => {
    const choices = message.buttons.flat();
    const before = new Set(old?.text.split("\n"));
    const same = old && choices.join() === old.buttons.flat().join();
    return [
      old ? "Message changed." : `${state.bot.name}:`,
      message.image && !old ? "Picture." : "",
      // Of a changed message only what is new in it: a live count changes every few seconds.
      message.text
        .split("\n")
        .filter((line) => !before.has(line))
        .join("\n"),
      choices.length && !same ? `Choices: ${choices.join(", ")}.` : "",
    ]
      .filter(Boolean)
      .join(" ");
  });
  $("heard").textContent = lines.join("\n");
}

function notice({ text, alert }) {
  if (alert) {
    $("alert-words").textContent = text;
    if (!$("alert").open) $("alert").showModal();
    return;
  }
  const toast = $("toast");
  const following = log.dataset.following === "yes";
  toast.textContent = text;
  if (following) toEnd();
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (toast.textContent = ""), 4000 + text.length * 60);
}

/* ---- what the person does */

async function say(text) {
  toEnd();
  return attempt(() => post("/sandbox/say", { user, text }));
}

async function press(message, node, row, column) {
  node.setAttribute("aria-busy", "true");
  const done = await attempt(() =>
    post("/sandbox/press", { user, message_id: message.message_id, row, column }),
  );
  if (!done) node.removeAttribute("aria-busy");
}

function grow() {
  words.style.height = "auto";
  const edges = words.offsetHeight - words.clientHeight;
  words.style.height = `${Math.min(words.scrollHeight + edges, innerHeight * 0.35)}px`;
}

$("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = words.value.trim();
  words.focus({ preventScroll: true });
  if (!text) return;
  words.value = "";
  grow();
  closeCommands();
  if (!(await say(text)) && !words.value) {
    words.value = text;
    grow();
  }
});

words.addEventListener("input", grow);
words.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});

$("start").addEventListener("click", async () => {
  await say("/start");
  focusOn(null, log);
});

$("jump").addEventListener("click", () => {
  toEnd();
  focusOn(null, log);
});

log.addEventListener("scroll", () => {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.dataset.following = atEnd ? "yes" : "no";
  if (atEnd) $("jump").hidden = true;
});

async function block(blocked) {
  await attempt(() => post("/sandbox/block", { user, blocked }));
}
$("block").addEventListener("click", () => block(!state?.me.blocked));
$("unblock").addEventListener("click", async () => {
  await block(false);
  setTimeout(() => focusOn(null, log), 60);
});

$("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = new FormData(event.target);
  await attempt(async () => {
    const person = await post("/sandbox/users", {
      name: data.get("name").trim() || null,
      language_code: data.get("language_code"),
    });
    people.set(person.user, person);
    $("add-name").value = "";
    $("add-box").open = false;
    await open(person.user);
    if (narrow.matches) closeSide();
    focusOn(null, log);
  });
});

/* ---- the menu of commands */

function showCommands(commands) {
  $("menu").hidden = commands.length === 0;
  if (!commands.length) closeCommands();
  $("command-list").replaceChildren(
    ...commands.map(({ command, description }) => {
      const button = make("button", "command-line");
      button.type = "button";
      button.append(make("b", "", `/${command}`), make("span", "", description));
      button.addEventListener("click", async () => {
        closeCommands();
        focusOn(null, log);
        await say(`/${command}`);
      });
      const item = make("li");
      item.append(button);
      return item;
    }),
  );
}

function closeCommands() {
  $("commands").hidden = true;
  $("menu").setAttribute("aria-expanded", "false");
}

$("menu").addEventListener("click", () => {
  const opening = $("commands").hidden;
  $("commands").hidden = !opening;
  $("menu").setAttribute("aria-expanded", String(opening));
  if (opening) $("command-list").querySelector("button")?.focus();
});

$("commands").addEventListener("keydown", (event) => {
  const lines = [...$("command-list").querySelectorAll("button")];
  const at = lines.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    lines[(at + step + lines.length) % lines.length].focus();
  } else if (event.key === "Home" || event.key === "End") {
    event.preventDefault();
    lines.at(event.key === "Home" ? 0 : -1).focus();
  }
});

/* ---- the side panel, which covers the chat on a narrow screen */

function openSide() {
  document.body.classList.add("side-shown");
  $("chat").inert = true;
  $("side-open").setAttribute("aria-expanded", "true");
  $("side-close").focus();
}

function closeSide() {
  if (!document.body.classList.contains("side-shown")) return;
  document.body.classList.remove("side-shown");
  $("chat").inert = false;
  $("side-open").setAttribute("aria-expanded", "false");
  if (narrow.matches) $("side-open").focus();
}

$("side-open").addEventListener("click", openSide);
$("side-close").addEventListener("click", closeSide);
narrow.addEventListener("change", () => !narrow.matches && closeSide());
addEventListener("displaychange", () => {
  grow();
  if (log.dataset.following === "yes") toEnd();
});
addEventListener("resize", () => log.dataset.following === "yes" && toEnd());
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || $("alert").open) return;
  if (!$("commands").hidden) {
    closeCommands();
    $("menu").focus();
  } else closeSide();
});

if (!touch.matches) words.focus();
begin();
