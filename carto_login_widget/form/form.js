// The page half of the login form: it draws snapshots and says what the user did.
//
// What is typed lives in the controls and what is shown comes from the kernel; nothing
// else is remembered and no trait is synced. The controls are made once and changed in
// place, so an answer that arrives during a press or while somebody types moves nothing.

/**
 * @typedef {{act: string, label: string, kind: string, busy: boolean}} Act
 * @typedef {{act: string, label: string, confirm: string | null,
 *   ask: {label: string, value: string} | null, default: boolean | null}} MenuItem
 * @typedef {{text: string, take: {label: string, field: string, value: string} | null}} FieldError
 * @typedef {[name: string, user: string, host: string, key: string, isDefault: boolean]} Account
 * @typedef {{account: string | null, custom: boolean, base_url: string, username: string,
 *   remember: boolean, name: string, default: boolean}} Fields
 * @typedef {{title: string, good: boolean, rows: [string, string][], notes: string[],
 *   quota: {label: string, words: string, percent: number}[],
 *   acts: Act[], menu: MenuItem[]}} CardPicture
 * @typedef {{screen: string, status: string, title: string, accounts: Account[] | null,
 *   fields: Fields, fields_version: number, field_versions?: Record<string, number>, open: boolean, key: string,
 *   errors: Record<string, FieldError>, destination: string, keys_page: string,
 *   saving: {shown: boolean, path: string, replaces: string, default_locked: boolean},
 *   message: {kind: string, text: string}, acts: Act[], card: CardPicture | null,
 *   focus: {to: string, n: number} | null}} Snapshot
 * @typedef {{seq: number, ack: Record<string, number>, snapshot: Snapshot}} Payload
 * @typedef {{send(content: object, callbacks?: object, buffers?: DataView[]): void,
 *   on(name: string, handler: Function): void,
 *   off(name: string, handler: Function): void}} Model
 * @typedef {{text: string, bad?: boolean, label?: string, press?: () => void}} Note
 */

const MASTER_KEY = /^[0-9a-f]{40}$/i;
const NEW_ACCOUNT = "New account";
const MOST_SHOWN = 50;
const GUARD_MS = 600; // a press meant for the screen before this one does nothing
const LATE_MS = 4000;
const LOST_MS = 15000;
/** The buttons that have a place from the start, in order. */
const PLACES = [
  ["form", "submit", "Log in"], ["form", "unfold", "Show the fields"],
  ["form", "use_unchecked", "Use without checking"], ["form", "cancel", "Cancel"], ["card", "switch", "Switch account"], ["card", "log_out", "Log out"],
];
const TEXT_FIELDS = ["base_url", "username", "api_key", "name"];
const GONE = "This form's kernel is gone or was restarted: run the cell again.";
const WAITING = "Waiting for the kernel …";
const LATE = "The kernel has not answered yet (busy?).";
const LOST = LATE + " If it was restarted, run the cell again.";

// ---------------------------------------------------------------- words and addresses

/** @param {string} text */
function looksLikeKey(text) {
  if (MASTER_KEY.test(text)) return true;
  return /^[\w-]{22}$/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text);
}

/** What a paste drags along: zero-width characters, line ends, blanks, quotes.
 * @param {string} text */
function clean(text) {
  const shown = text.replace(/[\u200b-\u200f\u2028-\u202e\u2060\ufeff\u00ad]/g, "");
  const line = shown.replace(/[\r\n\t\u00a0]+/g, " ").trim();
  return line.replace(/^["'`“”‘’«»]+|["'`“”‘’«»]+$/g, "").trim();
}

/** The key in what was typed where none belongs, or "".
 * @param {string} text */
function keyIn(text) {
  const named = /[?&#;](?:api_key|map_key|apikey)=([^&#;]+)/i.exec(text);
  if (named) return unescaped(named[1]);
  return text.split(/[/?#&;=@:.,\s"']/).map(unescaped).find(looksLikeKey) ?? "";
}

/** @param {string} text */
function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address without its query and without what looks like a key.
 * @param {string} address */
function withoutKey(address) {
  const [scheme, rest] = /^https?:\/\//i.test(address)
    ? [address.slice(0, address.indexOf("//") + 2), address.slice(address.indexOf("//") + 2)]
    : ["", address];
  const parts = rest.replace(/[?#].*$/, "").replace(/^.*@/, "").split("/");
  return scheme + parts.filter((part) => !looksLikeKey(unescaped(part))).join("/");
}

/** @param {string} label */
function withoutDots(label) {
  return label.replace(/\s*(…|\.\.\.)$/, "");
}

/** @param {string} host */
function isLoopback(host) {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/i.test(host);
}

/** The address of a link, or "" where it may not be one.
 * @param {string} text */
function safeLink(text) {
  try {
    const url = new URL(text);
    const safe = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
    return safe ? url.href : "";
  } catch {
    return "";
  }
}

// ---------------------------------------------------------------------------- the DOM

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** @param {Element} node @param {string} text */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} node @param {string} name @param {string | null} value */
function setAttribute(node, name, value) {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

/** Takes an element away with its place.
 * @param {HTMLElement} node @param {boolean} there */
function setThere(node, there) {
  if (node.hidden === there) node.hidden = !there;
}

/** Takes an element out of sight; its place stays.
 * @param {HTMLElement} node @param {boolean} seen */
function setSeen(node, seen) {
  node.style.visibility = seen ? "" : "hidden";
}

/** Makes the children anew only if what they show has changed.
 * @param {HTMLElement} node @param {unknown} data @param {() => Node[]} make */
function redraw(node, data, make) {
  const text = JSON.stringify(data);
  if (node.dataset.drawn === text) return;
  node.dataset.drawn = text;
  node.replaceChildren(...make());
}

/** @param {string} id @param {Record<string, string>} [more] */
function textInput(id, more = {}) {
  return h("input", {
    id, type: "text", class: "carto-input", autocomplete: "off", autocapitalize: "none",
    autocorrect: "off", spellcheck: "false", "data-1p-ignore": "true", "data-lpignore": "true",
    "data-bwignore": "true", "data-form-type": "other", "data-gramm": "false", ...more,
  });
}

/** @param {string} label @param {string} [kind] @param {Record<string, string>} [more] */
function button(label, kind = "plain", more = {}) {
  return h("button", { type: "button", class: "carto-button", "data-kind": kind, ...more },
    h("span", { class: "carto-button-text" }, label));
}

/** A label, its control and the place below it for a hint, an error and a suggestion. */
class Field {
  /** @param {string} id @param {string} name @param {string} label
   * @param {HTMLInputElement} input @param {Node[]} beside */
  constructor(id, name, label, input, ...beside) {
    this.name = name;
    this.label = label;
    this.input = input;
    this.text = h("span", { class: "carto-slot-text", id: `${id}-note` });
    this.act = h("button", { type: "button", class: "carto-link", hidden: "" });
    this.slot = h("div", { class: "carto-slot" }, this.text, this.act);
    this.control = h("div", { class: "carto-control" }, input, ...beside);
    this.root = h("div", { class: `carto-field carto-field-${name}` },
      h("label", { for: id, class: "carto-label" }, label), this.control, this.slot);
    /** @type {(() => void) | null} */
    this.press = null;
  }

  /** @param {Note} note */
  show(note) {
    setText(this.text, note.text);
    setAttribute(this.text, "title", note.text || null);
    setAttribute(this.slot, "data-kind", note.bad ? "bad" : null);
    setAttribute(this.input, "aria-invalid", note.bad ? "true" : null);
    setText(this.act, note.label ?? "");
    setThere(this.act, Boolean(note.label));
    this.press = note.press ?? null;
  }

  /** What had no room beside the field. */
  overflow() {
    const cut = this.text.scrollHeight > this.text.clientHeight + 1;
    return cut ? `${this.label}: ${this.text.textContent}` : "";
  }
}

/** The saved accounts: a combobox that filters by name, user and host. */
class AccountList {
  /** @param {string} id @param {(account: string | null) => void} choose */
  constructor(id, choose) {
    this.id = id;
    this.choose = choose;
    /** @type {Account[]} */
    this.accounts = [];
    /** @type {string | null} */
    this.value = null;
    /** @type {(Account | null)[]} */
    this.options = [];
    this.active = -1;
    this.typed = false;
    this.input = textInput(id, {
      role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list",
      "aria-controls": `${id}-list`, "aria-describedby": `${id}-note`,
    });
    this.list = h("ul", { id: `${id}-list`, role: "listbox", class: "carto-options", "aria-label": "Saved accounts" });
    this.more = h("div", { class: "carto-more" });
    this.popup = h("div", { class: "carto-popup carto-accounts", hidden: "" }, this.list, this.more);
    this.field = new Field(id, "account", "Account", this.input, this.popup);
    this.field.control.classList.add("carto-combobox");
    this.popup.addEventListener("mousedown", (event) => event.preventDefault());
    this.input.addEventListener("click", () => (this.isOpen ? undefined : this.open()));
    this.input.addEventListener("input", () => { this.typed = true; this.open(); });
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("focus", () => this.input.select());
    this.list.addEventListener("click", (event) => this.clicked(event));
  }

  get isOpen() {
    return !this.popup.hidden;
  }

  /** @param {Account[]} accounts */
  setAccounts(accounts) {
    this.accounts = [...accounts].sort((a, b) => Number(b[4]) - Number(a[4]));
  }

  /** @param {string | null} value */
  setValue(value) {
    this.value = value;
    if (!this.isOpen) this.input.value = value ?? NEW_ACCOUNT;
  }

  /** Who the chosen account is, in a line. */
  words() {
    const account = this.accounts.find(([name]) => name === this.value);
    if (!account) return "";
    const [, user, host, key] = account;
    return [user, host, key].filter(Boolean).join(" · ");
  }

  matches() {
    const words = this.typed ? this.input.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    if (!words.length) return this.accounts;
    return this.accounts.filter(([name, user, host]) => {
      const text = `${name} ${user} ${host}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  open() {
    const matches = this.matches();
    this.options = [null, ...matches.slice(0, MOST_SHOWN)];
    this.list.replaceChildren(...this.options.map((option, index) => this.option(option, index)));
    const left = matches.length - MOST_SHOWN;
    setText(this.more, left > 0 ? `and ${left.toLocaleString("en")} more: type to find`
      : matches.length ? "" : "No saved account matches");
    setThere(this.popup, true);
    setAttribute(this.input, "aria-expanded", "true");
    const chosen = this.options.findIndex((option) => (option ? option[0] : null) === this.value);
    this.move(this.typed ? Math.min(1, this.options.length - 1) : Math.max(chosen, 0));
  }

  /** @param {Account | null} account @param {number} index */
  option(account, index) {
    const chosen = (account ? account[0] : null) === this.value;
    const name = h("span", { class: "carto-option-name" }, account ? account[0] : NEW_ACCOUNT);
    if (account?.[4]) name.append(" ", h("span", { class: "carto-badge" }, "default"));
    const words = account ? [account[1], account[2], account[3]].filter(Boolean).join(" · ")
      : "Log in with a user name and an API key";
    return h("li", {
      id: `${this.id}-option-${index}`, role: "option", class: "carto-option",
      "aria-selected": String(chosen), "data-index": String(index),
    }, name, h("span", { class: "carto-option-words" }, words));
  }

  /** @param {number} index */
  move(index) {
    this.list.children[this.active]?.classList.remove("carto-active");
    this.active = Math.max(0, Math.min(index, this.options.length - 1));
    const option = this.list.children[this.active];
    if (!option) return;
    option.classList.add("carto-active");
    option.scrollIntoView({ block: "nearest" });
    setAttribute(this.input, "aria-activedescendant", option.id);
  }

  close() {
    setThere(this.popup, false);
    setAttribute(this.input, "aria-expanded", "false");
    setAttribute(this.input, "aria-activedescendant", null);
    this.typed = false;
    this.input.value = this.value ?? NEW_ACCOUNT;
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const option = event.target instanceof Element ? event.target.closest("li") : null;
    if (option) this.take(Number(option.dataset.index));
  }

  /** @param {number} index */
  take(index) {
    const option = this.options[index];
    if (option === undefined) return;
    const changed = (option ? option[0] : null) !== this.value;
    this.value = option ? option[0] : null;
    this.close();
    this.input.select();
    if (changed) this.choose(this.value);
  }

  /** Whether the key was for the list.
   * @param {KeyboardEvent} event */
  key(event) {
    const { key } = event;
    if (!this.isOpen) {
      if (key !== "ArrowDown" && key !== "ArrowUp") return false;
      event.preventDefault();
      this.open();
      return true;
    }
    if (key === "Tab") {
      if (this.typed && this.options.length === 2) this.take(1);
      return true;
    }
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => this.move(this.active + 1), ArrowUp: () => this.move(this.active - 1),
      PageDown: () => this.move(this.active + 8), PageUp: () => this.move(this.active - 8),
      Home: () => this.move(0), End: () => this.move(this.options.length - 1),
      Enter: () => this.take(this.active), Escape: () => { this.close(); this.input.select(); },
    };
    if (!(key in keys)) return false;
    event.preventDefault();
    keys[key]();
    return true;
  }
}

/** The menu on the card, and the question that some of its items ask in its place. */
class Menu {
  /** @param {string} id
   * @param {(item: MenuItem, name: string, byDefault: boolean) => void} choose */
  constructor(id, choose) {
    this.choose = choose;
    /** @type {MenuItem[]} */
    this.items = [];
    /** @type {MenuItem | null} */
    this.asking = null;
    this.opener = button("More", "plain", {
      id: `${id}-more`, "aria-label": "More", "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": `${id}-menu`,
    });
    this.opener.classList.add("carto-opener");
    this.list = h("div", { id: `${id}-menu`, role: "menu", class: "carto-popup carto-menu", "aria-labelledby": `${id}-more`, hidden: "" });
    this.words = h("p", { class: "carto-ask-words", id: `${id}-ask-words` });
    this.label = h("label", { class: "carto-label", for: `${id}-ask` });
    this.input = textInput(`${id}-ask`);
    this.box = h("input", { type: "checkbox", id: `${id}-ask-default` });
    this.boxRow = h("div", { class: "carto-check" }, this.box,
      h("label", { for: `${id}-ask-default` }, "Start every session with it"));
    this.yes = button("", "primary");
    this.no = button("Cancel");
    this.ask = h("div", { class: "carto-popup carto-ask", role: "dialog", tabindex: "-1", "aria-labelledby": `${id}-ask-words`, hidden: "" },
      this.words, this.label, this.input, this.boxRow, h("div", { class: "carto-buttons" }, this.yes, this.no));
    this.root = h("div", { class: "carto-menu-place" }, this.opener, this.list, this.ask);
    this.root.addEventListener("focusout", (event) => this.left(event));
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
  }

  get isOpen() {
    return !this.list.hidden || !this.ask.hidden;
  }

  /** @param {MenuItem[]} items */
  setItems(items) {
    setSeen(this.opener, items.length > 0);
    if (this.isOpen) return;
    this.items = items;
    redraw(this.list, items, () => items.map((item) => this.item(item)));
  }

  /** @param {MenuItem} item */
  item(item) {
    const node = h("button", { type: "button", role: "menuitem", tabindex: "-1", class: "carto-menuitem",
      "data-kind": item.act === "forget" ? "danger" : "plain" }, item.label);
    node.addEventListener("click", () => this.pick(item));
    return node;
  }

  /** @param {FocusEvent} event */
  left(event) {
    const to = event.relatedTarget;
    if (to instanceof Node ? !this.root.contains(to) : document.hasFocus()) this.close();
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open(0);
  }

  /** @param {number} index */
  open(index) {
    setThere(this.list, true);
    setAttribute(this.opener, "aria-expanded", "true");
    this.go(index);
  }

  close(back = false) {
    if (back) this.opener.focus();
    setThere(this.list, false);
    setThere(this.ask, false);
    setAttribute(this.opener, "aria-expanded", "false");
    this.asking = null;
  }

  /** @param {number} index */
  go(index) {
    const count = this.list.children.length;
    const item = this.list.children[(index + count) % count];
    if (item instanceof HTMLElement) item.focus();
  }

  /** @param {MenuItem} item */
  pick(item) {
    if (!item.ask && !item.confirm) {
      this.close(true);
      this.choose(item, "", false);
      return;
    }
    this.asking = item;
    setText(this.words, item.confirm ?? withoutDots(item.label));
    setText(this.label, item.ask?.label ?? "");
    this.input.value = item.ask?.value ?? "";
    this.box.checked = item.default ?? false;
    setThere(this.label, Boolean(item.ask));
    setThere(this.input, Boolean(item.ask));
    setThere(this.boxRow, item.default !== null);
    setText(this.yes.children[0], withoutDots(item.label));
    setAttribute(this.yes, "data-kind", item.act === "forget" ? "danger" : "primary");
    setThere(this.ask, true);
    if (item.ask) this.input.select();
    (item.ask ? this.input : this.no).focus();
    setThere(this.list, false);
  }

  confirmed() {
    const item = this.asking;
    const name = clean(this.input.value);
    if (!item || (item.ask && !name)) return;
    const byDefault = this.box.checked;
    this.close(true);
    this.choose(item, name, byDefault);
  }

  /** Whether the key was for the menu.
   * @param {KeyboardEvent} event @param {EventTarget} target */
  key(event, target) {
    if (event.key === "Escape" && this.isOpen) return this.did(event, () => this.close(true));
    if (target === this.opener && /^Arrow(Down|Up)$/.test(event.key)) {
      return this.did(event, () => this.open(event.key === "ArrowDown" ? 0 : -1));
    }
    if (event.key === "Enter" && (target === this.input || target === this.box)) {
      return this.did(event, () => this.confirmed());
    }
    const index = [...this.list.children].findIndex((item) => item === target);
    return index >= 0 && this.keyInList(event, index);
  }

  /** @param {KeyboardEvent} event @param {number} index */
  keyInList(event, index) {
    const { key } = event;
    if (key === "ArrowDown") return this.did(event, () => this.go(index + 1));
    if (key === "ArrowUp") return this.did(event, () => this.go(index - 1));
    if (key === "Home") return this.did(event, () => this.go(0));
    if (key === "End") return this.did(event, () => this.go(-1));
    if (key === "Tab") this.close(true);
    if (key.length !== 1 || key === " ") return false;
    const texts = this.items.map((item) => item.label.toLowerCase());
    const found = [...texts.keys()].map((i) => (index + 1 + i) % texts.length)
      .find((i) => texts[i].startsWith(key.toLowerCase()));
    return this.did(event, () => (found === undefined ? undefined : this.go(found)));
  }

  /** @param {KeyboardEvent} event @param {() => void} what */
  did(event, what) {
    event.preventDefault();
    what();
    return true;
  }
}

/** What the login screen is made of.
 * @param {string} id @param {(account: string | null) => void} choose */
function formParts(id, choose) {
  const field = (/** @type {string} */ name, /** @type {string} */ label) =>
    new Field(`${id}-${name}`, name, label, textInput(`${id}-${name}`, { "aria-describedby": `${id}-${name}-note` }));
  const tick = (/** @type {string} */ type, /** @type {string} */ name, /** @type {string} */ label) => {
    const input = h("input", { type, id: `${id}-${name}`, ...(type === "radio" && { name: `${id}-where` }) });
    return { input, root: h("div", { class: `carto-check carto-check-${name}` }, input, h("label", { for: input.id }, label)) };
  };
  const title = h("h2", { class: "carto-title", id: `${id}-title`, tabindex: "-1" });
  const accounts = new AccountList(`${id}-account`, choose);
  const cloud = tick("radio", "cloud", "CARTO cloud");
  const custom = tick("radio", "custom", "On-premises or custom address");
  const base_url = field("base_url", "Address");
  const username = field("username", "User name");
  const key = keyParts(id);
  const remember = tick("checkbox", "remember", "Remember this account as");
  const name = field("name", "Name");
  const byDefault = tick("checkbox", "default", "Start every session with it");
  const saving = h("div", { class: "carto-saving" }, remember.root, name.root, byDefault.root);
  const fold = h("div", {},
    h("fieldset", { class: "carto-where" }, h("legend", { class: "carto-label" }, "Account on"), cloud.root, custom.root),
    base_url.root, username.root, key.api_key.root, saving);
  const row = h("div", { class: "carto-buttons" });
  const root = h("form", {
    class: "carto-form", autocomplete: "off", novalidate: "", "aria-labelledby": `${id}-title`,
    "data-1p-ignore": "true", "data-lpignore": "true",
  }, title, accounts.field.root, fold, row);
  if (location.protocol === "http:" && !isLoopback(location.hostname)) {
    title.after(h("p", { class: "carto-insecure" }, "This page is not encrypted (http): the key can be read on its way to the kernel."));
  }
  return {
    root, title, accounts, fold, row, base_url, username, name, saving, ...key, cloud: cloud.input,
    custom: custom.input, remember: remember.input, default: byDefault.input,
    list: [accounts.field, base_url, username, key.api_key, name],
  };
}

/** The key's field. Where the style can mask a text, it is no password field: those are
 * what password managers fill and offer to save.
 * @param {string} id */
function keyParts(id) {
  const masks = CSS.supports("-webkit-text-security", "disc");
  const input = textInput(`${id}-api_key`, {
    type: masks ? "text" : "password", autocomplete: masks ? "off" : "new-password",
    "aria-describedby": `${id}-held ${id}-api_key-note`,
  });
  const heldWords = h("span", { id: `${id}-held` });
  const drop = h("button", { type: "button", class: "carto-link", "aria-label": "Drop the held key" }, "Drop");
  const held = h("div", { class: "carto-held" }, heldWords, drop);
  const reveal = h("button", { type: "button", class: "carto-reveal", "aria-label": "Show the key", title: "Show the key" }, eye());
  const link = h("a", { class: "carto-link carto-keys-page", target: "_blank", rel: "noopener noreferrer" }, "Find your key");
  const api_key = new Field(`${id}-api_key`, "api_key", "API key", input, held, reveal);
  api_key.root.append(link);
  const mask = (/** @type {boolean} */ masked) => {
    if (masks) input.style.setProperty("-webkit-text-security", masked ? "disc" : "none");
    else input.type = masked ? "password" : "text";
    setAttribute(reveal, "aria-pressed", String(!masked));
  };
  mask(true);
  return { api_key, heldWords, drop, held, reveal, link, mask };
}

function eye() {
  const draw = (/** @type {string} */ tag, /** @type {Record<string, string>} */ attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const svg = draw("svg", { viewBox: "0 0 20 20", width: "18", height: "18", fill: "none", stroke: "currentColor", "stroke-width": "1.5", "stroke-linecap": "round", "aria-hidden": "true" });
  svg.append(draw("path", { d: "M1.8 10S4.8 4.6 10 4.6 18.2 10 18.2 10 15.2 15.4 10 15.4 1.8 10 1.8 10Z" }),
    draw("circle", { cx: "10", cy: "10", r: "2.4" }), draw("path", { d: "M3.6 16.4 16.4 3.6", class: "carto-slash" }));
  return svg;
}

/** What the card is made of. Its buttons stand above all that arrives later. */
class CardParts {
  /** @param {string} id
   * @param {(item: MenuItem, name: string, byDefault: boolean) => void} choose */
  constructor(id, choose) {
    this.title = h("h2", { class: "carto-title", id: `${id}-card`, tabindex: "-1" });
    this.menu = new Menu(id, choose);
    this.row = h("div", { class: "carto-buttons" });
    this.rows = h("dl", { class: "carto-rows" });
    this.quota = h("div", { class: "carto-quota" });
    this.notes = h("div", { class: "carto-note-list" });
    this.dismiss = h("button", { type: "button", class: "carto-link" }, "Dismiss");
    this.noteBlock = h("div", { class: "carto-notes" }, this.notes, this.dismiss);
    this.root = h("section", { class: "carto-card", "aria-labelledby": `${id}-card` },
      h("div", { class: "carto-head" }, this.title, this.menu.root), this.row, this.noteBlock, this.rows, this.quota);
  }

  /** @param {CardPicture} card @param {boolean} stale */
  draw(card, stale) {
    setText(this.title, stale ? "This card is from an earlier session" : card.title);
    setAttribute(this.title, "title", this.title.textContent);
    setAttribute(this.title, "data-kind", stale ? "stale" : card.good ? "good" : "bad");
    this.menu.setItems(card.menu);
    redraw(this.rows, card.rows, () => card.rows.map(([label, value]) =>
      h("div", {}, h("dt", {}, label), h("dd", {}, value))));
    redraw(this.quota, card.quota, () => card.quota.map((part) => this.bar(part)));
    redraw(this.notes, card.notes, () => card.notes.map((note) => h("p", {}, note)));
    setThere(this.noteBlock, card.notes.length > 0);
  }

  /** @param {{label: string, words: string, percent: number}} part */
  bar({ label, words, percent }) {
    const fill = h("span", { class: "carto-fill" });
    fill.style.width = `${Math.max(0, Math.min(100, percent || 0))}%`;
    return h("div", { class: "carto-bar" }, h("span", {}, label), h("span", { class: "carto-bar-words" }, words),
      h("div", { class: "carto-track", role: "img", "aria-label": `${label}: ${words}` }, fill));
  }
}

/** One view of the form: the controls, what the kernel last said, and the messages. */
class View {
  /** @param {Model} model @param {HTMLElement} el */
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.id = `v${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
    this.n = 0; // the newest message sent
    this.acked = 0; // the newest one that was handled
    this.seq = -Infinity;
    /** @type {Record<string, number>} of each field, what of it was last written */
    this.versions = {};
    this.focused = NaN;
    this.late = "";
    this.stale = false;
    this.pressing = false;
    this.dirty = false;
    /** @type {Snapshot | null} */
    this.snap = null;
    /** @type {{n: number, text: string} | null} */
    this.sentKey = null;
    /** @type {Payload[]} */
    this.waiting = [];
    /** @type {Set<string>} fields that were filled without typing */
    this.filled = new Set();
    /** @type {Record<string, number>} the message that will carry a field's newest text */
    this.edited = {};
    /** @type {Map<string, HTMLButtonElement>} */
    this.buttons = new Map();
    /** @type {Set<ReturnType<typeof setTimeout>>} */
    this.timers = new Set();
    this.leaving = new AbortController();
    const id = `carto-${this.id}`;
    this.form = formParts(id, (account) => this.chose(account));
    this.card = new CardParts(id, (item, name, byDefault) => this.picked(item, name, byDefault));
    this.status = h("div", { class: "carto-message", role: "status" });
    this.foot = h("div", { class: "carto-foot" }, this.status);
    this.root = h("div", { class: "carto-login" },
      h("div", { class: "carto-panel" }, this.form.root, this.card.root), this.foot);
    for (const [screen, act, label] of PLACES) this.actButton(screen, { act, label, kind: "plain" });
    el.append(this.root);
    this.listen();
    this.paint();
  }

  // -------------------------------------------------------------------- what happens

  listen() {
    const { signal } = this.leaving;
    const { form, card } = this;
    window.addEventListener("keydown", (event) => this.keyDown(event), { capture: true, signal });
    for (const name of ["pointerup", "pointercancel", "keyup", "blur"]) {
      window.addEventListener(name, (event) => this.released(event), { capture: true, signal });
    }
    this.root.addEventListener("pointerdown", (event) => this.pressed(event.target), { capture: true });
    this.root.addEventListener("input", (event) => this.typedInto(event));
    this.root.addEventListener("change", (event) => this.changed(event.target));
    this.root.addEventListener("focusout", (event) => this.left(event));
    this.root.addEventListener("paste", (event) => this.pasted(event));
    for (const name of ["click", "input", "focusout"]) this.root.addEventListener(name, () => this.makeRoom());
    form.root.addEventListener("submit", (event) => event.preventDefault());
    for (const field of this.form.list) field.act.addEventListener("click", () => field.press?.());
    form.reveal.addEventListener("mousedown", (event) => event.preventDefault());
    form.reveal.addEventListener("click", () => form.mask(form.reveal.getAttribute("aria-pressed") === "true"));
    form.drop.addEventListener("click", () => this.dropped());
    this.press(card.dismiss, () => this.send("dismiss"));
    this.press(card.menu.opener, () => card.menu.toggle());
    this.press(card.menu.yes, () => card.menu.confirmed());
    this.press(card.menu.no, () => card.menu.close(true));
    const observer = new ResizeObserver(() => this.paintStatus());
    observer.observe(this.root);
    signal.addEventListener("abort", () => observer.disconnect());
    this.hear("msg:custom", (/** @type {unknown} */ payload) => this.receive(payload));
    const view = this;
    this.hear("comm_live_update", function () {
      // @ts-ignore: `this` is what anywidget binds, where it does
      const live = this?.model?.comm_live;
      if (typeof live === "boolean") view.setStale(!live);
    });
  }

  /** @param {string} name @param {Function} handler */
  hear(name, handler) {
    try {
      this.model.on(name, handler);
      this.leaving.signal.addEventListener("abort", () => this.model.off(name, handler));
    } catch {
      // a front end that knows no such event
    }
  }

  /** A press counts unless it was meant for the screen that stood here before.
   * @param {HTMLButtonElement} node @param {() => void} what */
  press(node, what) {
    node.addEventListener("click", (event) => {
      if (this.justShown() || event.detail > 1) return;
      what();
    });
  }

  justShown() {
    return this.root.dataset.fresh === "true";
  }

  /** @param {boolean} fresh */
  setFresh(fresh) {
    setAttribute(this.root, "data-fresh", fresh ? "true" : null);
  }

  /** While a button is held down nothing is drawn: it stays what it was when pressed.
   * @param {EventTarget | null} target */
  pressed(target) {
    const held = "button, label, a, li, input[type=radio], input[type=checkbox]";
    this.pressing = target instanceof Element && target.closest(held) !== null;
  }

  /** @param {Event} event */
  released(event) {
    if (event.type === "blur" && event.target !== window) return;
    if (this.pressing) this.after(0, () => this.drawWaiting());
  }

  drawWaiting() {
    this.pressing = false;
    for (const payload of this.waiting.splice(0)) this.draw(payload);
    this.makeRoom();
  }

  dropped() {
    this.form.api_key.input.focus();
    this.send("drop_key");
  }

  /** @param {Event} event */
  typedInto(event) {
    const name = this.nameOf(event.target);
    this.setFresh(false);
    if (!name) return;
    const how = event instanceof InputEvent ? event.inputType : "";
    if (how && how !== "insertReplacementText") this.filled.delete(name);
    else this.filled.add(name);
    this.edit(name);
  }

  /** @param {string} name */
  edit(name) {
    this.dirty = true;
    this.edited[name] = this.n + 1;
    this.paint();
  }

  /** @param {EventTarget | null} target */
  changed(target) {
    const { form } = this;
    const name = target === form.cloud || target === form.custom ? "custom"
      : target === form.remember ? "remember" : target === form.default ? "default" : "";
    if (!name) return;
    this.paint();
    this.send("commit", { field: name });
  }

  /** @param {FocusEvent} event */
  left(event) {
    const name = this.nameOf(event.target);
    if (!name || !this.dirty || this.activeElement() === event.target) return;
    this.send("commit", { field: name });
  }

  /** @param {ClipboardEvent} event */
  pasted(event) {
    const text = event.clipboardData?.getData("text") ?? "";
    const target = event.target;
    if (!(target instanceof HTMLInputElement) || clean(text) === text) return;
    event.preventDefault();
    if (document.execCommand("insertText", false, clean(text))) return;
    target.setRangeText(clean(text), target.selectionStart ?? 0, target.selectionEnd ?? 0, "end");
    target.dispatchEvent(new InputEvent("input", { inputType: "insertFromPaste", bubbles: true }));
  }

  /** @param {string | null} account */
  chose(account) {
    this.form.api_key.input.value = "";
    this.send("choose", {}, { account });
  }

  /** @param {MenuItem} item @param {string} name @param {boolean} byDefault */
  picked(item, name, byDefault) {
    if (item.default !== null) {
      this.send(item.act, {}, { ...(item.ask && { name }), default: byDefault });
    } else this.send(item.act, item.ask ? { name } : {});
  }

  /** Plain keys end here, before a notebook can take them for commands; what the form
   * itself does with them is therefore done here too. Typing and pressing are not stopped.
   * @param {KeyboardEvent} event */
  keyDown(event) {
    const path = event.composedPath();
    if (!path.includes(this.root) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && event.shiftKey) return;
    event.stopPropagation();
    if (event.isComposing) return;
    const target = path[0];
    const activates = event.key === "Enter" || event.key === " ";
    const isButton = target instanceof HTMLButtonElement;
    if (activates && (event.repeat ? isButton || event.key === "Enter" : this.justShown())) {
      event.preventDefault();
    } else this.keyFor(event, target, isButton);
  }

  /** @param {KeyboardEvent} event @param {EventTarget} target @param {boolean} isButton */
  keyFor(event, target, isButton) {
    const { form, card } = this;
    const handled = card.menu.key(event, target)
      || (target === form.accounts.input && form.accounts.key(event));
    this.makeRoom();
    if (handled) return;
    if (event.key === " " && isButton) this.pressed(target);
    if (event.key === "Enter" && target instanceof HTMLInputElement && form.root.contains(target)) {
      event.preventDefault();
      this.send("submit");
    }
  }

  // ------------------------------------------------------------- what the fields hold

  /** @param {EventTarget | null} target */
  nameOf(target) {
    const field = this.form.list.find(({ input }) => input === target);
    return field && TEXT_FIELDS.includes(field.name) ? field.name : "";
  }

  /** The field that holds a key where none belongs, or "". */
  misplaced() {
    const { username, base_url, custom } = this.form;
    if (keyIn(clean(username.input.value))) return "username";
    return custom.checked && keyIn(clean(base_url.input.value)) ? "base_url" : "";
  }

  fields() {
    const { form } = this;
    const username = clean(form.username.input.value);
    const address = clean(form.base_url.input.value);
    const name = clean(form.name.input.value);
    return {
      account: form.accounts.value,
      custom: form.custom.checked,
      base_url: keyIn(address) ? "" : address,
      username: keyIn(username) ? "" : username,
      remember: form.remember.checked,
      name: MASTER_KEY.test(name) ? "" : name,
      default: form.default.checked,
      typed: this.filled.size === 0,
    };
  }

  /** Writes what the kernel has put into a control since; else the control stands.
   * @param {Snapshot} snap */
  write({ fields, fields_version, field_versions }) {
    for (const [name, value] of Object.entries(fields)) {
      const version = field_versions ? field_versions[name] ?? 0 : fields_version;
      if (this.versions[name] === version) continue;
      this.versions[name] = version;
      this.writeOne(name, value);
    }
  }

  /** @param {string} name @param {string | boolean | null} value */
  writeOne(name, value) {
    const { form } = this;
    if (name === "account") form.accounts.setValue(value === null ? null : String(value));
    else if (name === "custom") form[value ? "custom" : "cloud"].checked = true;
    else if (name === "remember" || name === "default") form[name].checked = Boolean(value);
    else if (name === "base_url" || name === "username" || name === "name") {
      const { input } = form[name];
      if (input.value !== value) input.value = String(value);
      this.filled.delete(name);
    }
  }

  // ------------------------------------------------------------------- the messages

  /** @param {string} act @param {object} [extra] @param {Partial<Fields>} [fields] */
  send(act, extra = {}, fields = {}) {
    if (this.stale) return;
    const n = ++this.n;
    const input = this.form.api_key.input;
    const key = act === "commit" || act === "submit" ? clean(input.value) : "";
    const misplaced = this.misplaced();
    const buffers = key ? [new DataView(Uint8Array.from(new TextEncoder().encode(key)).buffer)] : [];
    if (key) this.sentKey = { n, text: input.value };
    if (act === "commit" || act === "submit") this.dirty = false;
    this.model.send({ act, view: this.id, n, fields: { ...this.fields(), ...fields },
      ...(misplaced && { misplaced }), ...extra }, undefined, buffers);
    this.after(LATE_MS, () => this.checkLate(n, LATE));
    this.after(LOST_MS, () => this.checkLate(n, LOST));
  }

  /** @param {number} n @param {string} words */
  checkLate(n, words) {
    if (this.el.closest(".jupyter-widgets-disconnected")) this.setStale(true);
    if (this.acked >= n) return;
    this.late = this.late === LOST ? LOST : words;
    this.paintStatus();
  }

  /** @param {number} wait */
  ready(wait = 1000) {
    if (this.snap) return;
    this.send("ready");
    this.after(wait, () => this.ready(Math.min(2 * wait, 16000)));
  }

  /** @param {boolean} stale */
  setStale(stale) {
    if (this.stale === stale) return;
    const had = this.hasFocus();
    this.stale = stale;
    this.paint();
    if (had) this.rescueFocus();
    if (!stale) this.send("ready");
  }

  /** @param {unknown} payload */
  receive(payload) {
    if (!isPayload(payload) || payload.seq <= this.seq) return;
    this.seq = payload.seq;
    this.acknowledge(payload.ack?.[this.id] ?? 0); // also while a button is held: what it sends has the key no more
    if (this.pressing) this.waiting.push(payload);
    else this.draw(payload);
  }

  /** @param {number} wait @param {() => void} what */
  after(wait, what) {
    const timer = setTimeout(() => { this.timers.delete(timer); what(); }, wait);
    this.timers.add(timer);
  }

  // -------------------------------------------------------------------- the picture

  /** @param {Payload} payload */
  draw({ snapshot }) {
    const had = this.hasFocus();
    const first = this.snap === null;
    const turned = this.snap?.screen !== snapshot.screen;
    this.snap = snapshot;
    if (snapshot.accounts) this.form.accounts.setAccounts(snapshot.accounts);
    this.write(snapshot);
    if (turned) this.turn(first);
    this.paint();
    this.moveFocus(had, turned && !first);
    if (first) this.send("ready"); // the first was too early for a busy kernel's side channel
  }

  /** @param {number} n */
  acknowledge(n) {
    this.acked = Math.max(this.acked, n);
    if (this.acked >= this.n) this.late = "";
    if (!this.sentKey || this.acked < this.sentKey.n) return;
    const input = this.form.api_key.input;
    if (input.value === this.sentKey.text) input.value = "";
    this.sentKey = null;
  }

  /** Another screen. @param {boolean} first */
  turn(first) {
    this.setFresh(!first);
    this.after(GUARD_MS, () => this.setFresh(false));
    this.card.menu.close();
    this.form.mask(true);
    this.filled.clear();
    if (this.snap?.screen === "card") this.form.api_key.input.value = "";
  }

  paint() {
    const { snap, form, card } = this;
    setThere(form.root, snap?.screen === "form");
    setThere(card.root, snap?.screen === "card");
    setAttribute(this.root, "data-screen", snap?.screen ?? "none");
    setAttribute(this.root, "data-stale", this.stale ? "true" : null);
    if (snap?.screen === "form") this.paintForm(snap);
    if (snap?.screen === "card" && snap.card) {
      card.draw(snap.card, this.stale);
      this.paintActs("card", snap.card.acts);
    }
    this.paintStatus();
    for (const node of this.root.querySelectorAll("input, button")) {
      const control = /** @type {HTMLInputElement} */ (node);
      const off = this.stale || control.dataset.locked === "true";
      if (control.disabled !== off) control.disabled = off;
    }
  }

  /** @param {Snapshot} snap */
  paintForm(snap) {
    const { form } = this;
    setText(form.title, snap.title);
    setThere(form.accounts.field.root, form.accounts.accounts.length > 0);
    setThere(form.fold, snap.open);
    setAttribute(form.root, "data-open", String(snap.open));
    setThere(form.base_url.root, form.custom.checked);
    for (const field of this.form.list) field.show(this.note(field.name, snap));
    this.paintKey(snap);
    setThere(form.saving, snap.saving.shown);
    const off = String(!form.remember.checked);
    setAttribute(form.name.input, "data-locked", off);
    setAttribute(form.default, "data-locked", String(off === "true" || snap.saving.default_locked));
    this.paintActs("form", snap.acts);
    setThere(this.actButton("form", { act: "unfold", label: "", kind: "plain" }), !snap.open);
  }

  /** @param {Snapshot} snap */
  paintKey(snap) {
    const { form } = this;
    const words = { held: "Key held by this kernel", saved: "Saved with this account" }[snap.key] ?? "";
    const seen = words !== "" && form.api_key.input.value === "";
    setText(form.heldWords, seen ? words : "");
    setSeen(form.held, seen);
    setThere(form.drop, snap.key === "held");
    const link = safeLink(snap.keys_page);
    setAttribute(form.link, "href", link || null);
    setSeen(form.link, link !== "");
  }

  /** What stands below a field: what was just typed, what the kernel says of it, a hint.
   * @param {string} name @param {Snapshot} snap
   * @returns {Note} */
  note(name, snap) {
    const error = this.acked >= (this.edited[name] ?? 0) ? snap.errors[name] : undefined;
    const typed = this.typingNote(name);
    if (typed?.bad) return typed;
    if (error) return this.errorNote(error);
    return typed ?? { text: this.hint(name, snap) };
  }

  /** @param {FieldError} error
   * @returns {Note} */
  errorNote({ text, take }) {
    if (!take) return { text, bad: true };
    const { label, field, value } = take;
    return { text, bad: true, label, press: () => this.send("take", { field, value }) };
  }

  /** @param {string} name @param {Snapshot} snap */
  hint(name, snap) {
    if (name === "account") return this.form.accounts.words();
    if (name === "username") return this.form.custom.checked ? "Not needed if the address names it" : "The jane in jane.carto.com";
    if (name === "base_url") return "Like https://carto.example.com/user/jane";
    if (name === "api_key" && snap.destination) {
      return `${snap.status === "accepted" ? "Checked" : "Will be checked"} at ${snap.destination}`;
    }
    if (name === "api_key") return "In CARTO under Settings, API keys";
    if (name === "name" && this.form.remember.checked) return snap.saving.replaces || snap.saving.path;
    return "";
  }

  /** What can be said of a text without asking anybody.
   * @param {string} name
   * @returns {Note | null} */
  typingNote(name) {
    const { username, base_url, custom } = this.form;
    if (name === "name") return this.nameNote();
    const text = clean(name === "username" ? username.input.value : base_url.input.value);
    if (name === "username") return this.usernameNote(text);
    if (name !== "base_url" || !custom.checked || !text) return null;
    const key = keyIn(text);
    if (key) return this.moveNote("This address holds an API key.", key, base_url, withoutKey(text));
    const host = /^http:\/\/([^/:?#]+|\[[^\]]*\])/i.exec(text)?.[1];
    if (host && !isLoopback(host)) {
      return { text: "http sends the key unprotected.", label: "Use https", press: () => this.put(base_url, text.replace(/^http:/i, "https:"), true) };
    }
    const known = /^https?:/i.test(text) || "https://".startsWith(text.toLowerCase()) || "http://".startsWith(text.toLowerCase());
    return known ? null : { text: "https:// is added in front." };
  }

  /** @returns {Note | null} */
  nameNote() {
    const { name } = this.form;
    const text = clean(name.input.value);
    return MASTER_KEY.test(text) ? this.moveNote("This looks like an API key.", text, name, "") : null;
  }

  /** @param {string} text
   * @returns {Note | null} */
  usernameNote(text) {
    const { username } = this.form;
    const key = keyIn(text);
    if (key) return this.moveNote("This looks like an API key.", key, username, "");
    if (text === text.toLowerCase() || /[/:.@]/.test(text)) return null;
    const lower = text.toLowerCase();
    return { text: "User names are in lower case.", label: `Use ${lower}`, press: () => this.put(username, lower, true) };
  }

  /** @param {string} text @param {string} key @param {Field} field @param {string} rest
   * @returns {Note} */
  moveNote(text, key, field, rest) {
    const press = () => {
      this.dirty = false; // both fields go in one message
      field.input.value = rest;
      this.edited[field.name] = this.n + 1;
      this.put(this.form.api_key, key, true);
    };
    return { text, bad: true, label: "Move it to the API key field", press };
  }

  /** @param {Field} field @param {string} text @param {boolean} [done] */
  put(field, text, done = false) {
    field.input.value = text;
    field.input.focus();
    this.filled.delete(field.name);
    this.edit(field.name);
    if (done) this.send("commit", { field: field.name });
  }

  /** The button of an act. The main act of the form has one place, whichever it is.
   * @param {string} screen @param {Pick<Act, "act" | "label" | "kind">} act */
  actButton(screen, { act, label, kind }) {
    const place = screen === "form" && kind === "primary" ? "submit" : act;
    const name = `${screen} ${place}`;
    const known = this.buttons.get(name);
    if (known) return known;
    const node = button(label, kind, { class: `carto-button carto-act-${place}`, "data-act": act });
    (screen === "card" ? this.card.row : this.form.row).append(node);
    this.press(node, () => this.send(node.dataset.act ?? act));
    this.buttons.set(name, node);
    return node;
  }

  /** Buttons keep the places they once had; only what stands last may go with its place.
   * @param {string} screen @param {Act[]} acts */
  paintActs(screen, acts) {
    const shown = new Set(acts.map((act) => this.paintAct(this.actButton(screen, act), act)));
    for (const [name, node] of this.buttons) {
      if (!name.startsWith(`${screen} `)) continue;
      setSeen(node, shown.has(node));
      if (screen === "card") setThere(node, shown.has(node));
    }
  }

  /** @param {HTMLButtonElement} node @param {Act} act */
  paintAct(node, { act, label, kind, busy }) {
    setText(node.children[0], label);
    setAttribute(node, "title", label.length > 18 ? label : null);
    setAttribute(node, "data-act", act);
    setAttribute(node, "data-kind", kind);
    setAttribute(node, "data-busy", busy ? "true" : null);
    setAttribute(node, "aria-busy", busy ? "true" : null);
    return node;
  }

  paintStatus() {
    const { kind, text } = this.statusWords();
    const cut = this.snap?.screen === "form" ? this.form.list.map((field) => field.overflow()) : [];
    setAttribute(this.foot, "data-kind", kind);
    setText(this.status, [text, ...cut].filter(Boolean).join("\n"));
  }

  statusWords() {
    if (this.stale) return { kind: "warn", text: this.snap?.screen === "card" ? "Its kernel is gone or was restarted: run the cell again." : GONE };
    if (this.late) return { kind: this.late === WAITING ? "busy" : "warn", text: this.late };
    return this.snap?.message ?? { kind: "none", text: "" };
  }

  /** The popup that is open has room below, so that nothing cuts it off. */
  makeRoom() {
    if (this.pressing) return; // closing a list must not scroll the button that is held
    const popup = [...this.root.querySelectorAll(".carto-popup")].find((node) => node.checkVisibility());
    const { top } = this.root.getBoundingClientRect();
    this.root.style.minHeight = popup ? `${popup.getBoundingClientRect().bottom - top + 8}px` : "";
  }

  // ---------------------------------------------------------------------- the focus

  activeElement() {
    const tree = this.root.getRootNode();
    return tree instanceof Document || tree instanceof ShadowRoot ? tree.activeElement : null;
  }

  hasFocus() {
    return this.root.contains(this.activeElement());
  }

  /** @param {boolean} had @param {boolean} turned */
  moveFocus(had, turned) {
    const focus = this.snap?.focus;
    const fresh = focus && focus.n !== this.focused;
    if (focus) this.focused = focus.n;
    if (!had) return;
    if (fresh) this.target(focus.to)?.focus();
    else if (turned) this.title().focus();
    this.rescueFocus();
  }

  /** The focus never falls out of the form because something vanished. */
  rescueFocus() {
    const active = this.activeElement();
    const seen = active instanceof HTMLElement && this.root.contains(active)
      && active.checkVisibility({ visibilityProperty: true }) && !active.matches(":disabled");
    if (!seen) this.title().focus();
  }

  title() {
    return this.snap?.screen === "card" ? this.card.title : this.form.title;
  }

  /** @param {string} name @returns {HTMLElement | undefined} */
  target(name) {
    const { form } = this;
    if (name === "card") return this.card.title;
    if (name === "custom") return form.custom.checked ? form.custom : form.cloud;
    if (name === "remember" || name === "default") return form[name];
    const field = this.form.list.find((one) => one.name === name);
    return field?.input ?? [...this.buttons.values()].find((node) => node.dataset.act === name && node.checkVisibility());
  }

  close() {
    this.leaving.abort();
    for (const timer of this.timers) clearTimeout(timer);
    this.form.api_key.input.value = "";
    this.sentKey = null;
    this.root.remove();
  }
}

/** @param {unknown} payload @returns {payload is Payload} */
function isPayload(payload) {
  const { seq, snapshot } = /** @type {any} */ (payload ?? {});
  return typeof seq === "number" && (snapshot?.screen === "form" || snapshot?.screen === "card")
    && (snapshot.screen === "form" || snapshot.card != null);
}

/** The kernel hears that the form can be drawn here, though nobody has scrolled to it.
 * @param {{model: Model}} context */
function initialize({ model }) {
  model.send({ act: "loaded" });
}

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  const view = new View(model, el);
  view.ready();
  view.checkLate(0, "");
  view.after(100, () => view.checkLate(0, ""));
  view.after(600, () => view.checkLate(1, WAITING));
  return () => view.close();
}

export default { initialize, render };
