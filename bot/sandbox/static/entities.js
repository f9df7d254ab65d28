// Formatted text: nodes are built from Telegram's entities, so words of a message are never read as HTML.
// Offsets count UTF-16 code units, as JavaScript's strings do.

const TAGS = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
};

/** The address of a link that may be followed, or null. */
export function safeLink(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "tg:", "mailto:", "tel:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * A fragment of text with its formatting.
 * @param {string} text
 * @param {Array<{type: string, offset: number, length: number, url?: string}>} entities
 * @param {(command: string) => void} onCommand called when a command in the text is tapped
 */
export function formatted(text, entities, onCommand) {
  const sorted = [...entities]
    .filter((e) => e.length > 0 && e.offset >= 0 && e.offset + e.length <= text.length)
    .sort((a, b) => a.offset - b.offset || b.length - a.length);
  const fragment = document.createDocumentFragment();
  fill(fragment, text, 0, text.length, sorted, onCommand);
  return fragment;
}

const BLOCKS = ["pre", "blockquote", "expandable_blockquote"];

function fill(parent, text, start, end, entities, onCommand) {
  let at = start;
  let i = 0;
  while (i < entities.length) {
    const entity = entities[i];
    const stop = Math.min(entity.offset + entity.length, end);
    if (entity.offset < at) {
      i += 1;
      continue;
    }
    // A block stands on lines of its own already; the line breaks around it would leave gaps.
    const block = BLOCKS.includes(entity.type);
    const before = text.slice(at, entity.offset);
    parent.append(block ? before.replace(/\n$/, "") : before);
    let next = i + 1;
    while (next < entities.length && entities[next].offset < stop) next += 1;
    const node = wrap(entity, text.slice(entity.offset, stop), onCommand);
    fill(node, text, entity.offset, stop, entities.slice(i + 1, next), onCommand);
    parent.append(node);
    at = block && stop < end && text[stop] === "\n" ? stop + 1 : stop;
    i = next;
  }
  parent.append(text.slice(at, end));
}

function wrap(entity, words, onCommand) {
  if (entity.type === "text_link" || entity.type === "url") {
    const href = safeLink(entity.url ?? words);
    if (href) {
      const link = document.createElement("a");
      link.href = href;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      return link;
    }
  }
  if (entity.type === "bot_command") {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "command";
    button.addEventListener("click", () => onCommand(words));
    return button;
  }
  if (entity.type === "spoiler") {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "spoiler";
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-label", "Hidden text: show");
    button.addEventListener(
      "click",
      () => {
        button.setAttribute("aria-expanded", "true");
        button.removeAttribute("aria-label");
      },
      { once: true },
    );
    return button;
  }
  const node = document.createElement(TAGS[entity.type] ?? "span");
  if (entity.type === "expandable_blockquote") {
    // Three lines of it show until it is tapped, as at Telegram.
    node.className = "expandable";
    node.tabIndex = 0;
  }
  return node;
}
