// The page half of the login form: it draws snapshots and says what the user did.
//
// What is typed lives in the controls and what is shown comes from the kernel; nothing
// else is remembered and no trait is synced. The controls are made once and changed in
// place, so an answer that arrives during a press or while somebody types moves nothing.

/**
 * @typedef {{act: string, label: string, kind: string, busy: boolean}} Act
 * @typedef {{act: string, label: string, confirm: string | null,
 *   ask: {label: string, value: string} | null, default: boolean | null}} MenuItem
 * @typedef {{label: string, field: string, value: string}} Take
 * @typedef {{text: string, bad?: boolean, warn?: boolean, take?: Take | null}} Note
 * @typedef {[name: string, user: string, host: string, key: string, isDefault: boolean]} Account
 * @typedef {{account: string | null, custom: boolean, base_url: string, username: string,
 *   remember: boolean, name: string, default: boolean}} Fields
 * @typedef {{about: number, title: string, good: boolean, rows: [string, string][], notes: string[],
 *   quota: {label: string, words: string, percent: number}[],
 *   acts: Act[], menu: MenuItem[]}} CardPicture
 * @typedef {{screen: string, status: string, title: string, accounts: Account[] | null,
 *   fields: Fields, open: boolean, key: string,
 *   errors: Record<string, Note>, destination: string, keys_page: string,
 *   saving: {shown: boolean, path: string, replaces: string, default_locked: boolean},
 *   message: {kind: string, text: string}, acts: Act[], card: CardPicture | null,
 *   focus: {to: string, n: number} | null}} Snapshot
 * @typedef {{seq: number, ack: Record<string, number>, snapshot: Snapshot}} Payload
 * @typedef {{send(content: object, callbacks?: object, buffers?: DataView[]): void,
 *   on(name: string, handler: Function): void,
 *   off(name: string, handler: Function): void}} Model
 * @typedef {(act: string, fields?: Partial<Fields>) => void} Send
 */

const MASTER_KEY = /^[0-9a-f]{40}$/i;
const NEW_ACCOUNT = "New account";
const NAMES = "(?![0-9a-fA-F]{40}$)[A-Za-z0-9][A-Za-z0-9._@\\-]{0,63}(?<![.])";
const NAMES_IN_WORDS = "1 to 64 letters, digits and . _ - @, and no API key";
const MOST_SHOWN = 50;
const GUARD_MS = 600; // a press meant for the screen before this one does nothing
const PATIENCE_MS = 4000;
/** The places of the buttons; the main act has one place, whichever it is. */
const PLACES = {
  form: ["main", "unfold", "use_unchecked", "cancel", "stay"],
  card: ["switch", "log_out", "main", "cancel"],
};
const GONE = "The kernel is gone or was restarted: run the cell again.";
const WAITING = "The kernel has not answered yet (busy?). If it was restarted, run the cell again.";
const EYE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" width="18" height="18"
  fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" aria-hidden="true">
  <path d="M1.8 10S4.8 4.6 10 4.6 18.2 10 18.2 10 15.2 15.4 10 15.4 1.8 10 1.8 10Z"/>
  <circle cx="10" cy="10" r="2.4"/><path class="carto-slash" d="M3.6 16.4 16.4 3.6"/></svg>`;

// ---------------------------------------------------------------- words and addresses
/** As `secret.py` has it. @param {string} word */
function looksLikeKey(word) {
  if (MASTER_KEY.test(word) || /^eyJ[\w-]{17,}$/.test(word)) return true;
  return /^[\w-]{22}$/.test(word) && /[a-z]/.test(word) && /[A-Z]/.test(word);
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What a paste drags along: zero-width characters, line ends, blanks, quotes.
 * @param {string} text */
function clean(text) {
  const shown = text.replace(/[\u200b-\u200f\u2028-\u202e\u2060\ufeff\u00ad]/g, "");
  const line = shown.replace(/[\r\n\t\u00a0]+/g, " ").trim();
  return line.replace(/^["'`“”‘’«»]+|["'`“”‘’«»]+$/g, "").trim();
}

/** The key in a credentials file that was pasted whole, whatever it looks like.
 * @param {string} text */
function keyInFile(text) {
  return /^\{.*"(?:carto[-_]?)?(?:(?:master[-_]?)?(?:api[-_]?)?key|(?:api[-_]?)?token)"\s*:\s*"([^"]+)"/is.exec(text)?.[1];
}

/** The key in what was typed where none belongs, or "".
 * @param {string} text */
function keyIn(text) {
  const named = /[?&#;](?:api_key|map_key|apikey)=([^&#;]+)/i.exec(text);
  return keyInFile(text) ?? decoded(named?.[1] ?? decoded(text).split(/[^\w-]+/).find(looksLikeKey) ?? "");
}

/** What was typed, without its query and without what looks like a key.
 * @param {string} text */
function withoutKey(text) {
  const [, scheme = "", rest = ""] = /^(https?:\/\/)?(.*)$/i.exec(text) ?? [];
  const parts = rest.replace(/[?#].*$/, "").replace(/^.*@/, "").split("/");
  return scheme + parts.filter((part) => !keyIn(part)).join("/");
}

/** Who is meant in such a file, or null where there is none.
 * @param {string} text */
function userInFile(text) {
  if (!keyInFile(text)) return null;
  let file = { username: "", base_url: "" };
  try {
    file = { ...file, ...JSON.parse(text) };
  } catch { /* a part of one: it says nobody, and is not kept */ }
  return { username: String(file.username ?? ""), base_url: String(file.base_url ?? "") };
}

/** @param {string} host */
function isLoopback(host) {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/i.test(host);
}

/** What can be said of a text without asking anybody.
 * @param {string} field @param {string} text
 * @returns {Note | null} */
function typedNote(field, text) {
  const key = { username: keyIn(text), base_url: keyIn(text), name: keyInFile(text) ?? MASTER_KEY.exec(text)?.[0] }[field];
  if (key) {
    const words = field === "base_url" ? "This address holds an API key." : "This looks like an API key.";
    const take = { label: "Move it to the API key field", field: "api_key", value: key };
    return { text: words, bad: true, take };
  }
  const lower = text.toLowerCase();
  if (field === "username" && text !== lower && !/[/:.@]/.test(text)) {
    return { text: "User names are in lower case.", take: { label: `Use ${lower}`, field, value: lower } };
  }
  if (field !== "base_url" || "https://".startsWith(lower) || lower.startsWith("https:")) return null;
  const host = /^http:\/\/([^/:?#]+|\[[^\]]*\])/.exec(lower)?.[1];
  if (host && !isLoopback(host)) {
    const take = { label: "Use https", field, value: text.replace(/^http:/i, "https:") };
    return { text: "http sends the key unprotected.", take };
  }
  return lower.startsWith("http:") ? null : { text: "https:// is added in front." };
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

/** A screen reader says a live region again when its text is set again.
 * @param {Element} node @param {string} text */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {string} id @param {Record<string, string>} [more] */
function textInput(id, more = {}) {
  return h("input", {
    id, type: "text", class: "carto-input", autocomplete: "off", autocapitalize: "none",
    autocorrect: "off", spellcheck: "false", "data-1p-ignore": "true", "data-lpignore": "true",
    "data-bwignore": "true", "data-form-type": "other", "data-gramm": "false", ...more,
  });
}

/** @param {string} label @param {Record<string, string>} [more] */
function button(label, more = {}) {
  return h("button", { type: "button", class: "carto-button", ...more }, label);
}

/** @param {"form" | "card"} screen */
function buttons(screen) {
  return h("div", { class: "carto-buttons" },
    ...PLACES[screen].map((place) => button("", { class: `carto-button carto-act-${place}` })));
}

/** A radio button or a check box, and its label around it.
 * @param {string} type @param {string} label @param {Record<string, string>} [more] */
function tick(type, label, more = {}) {
  const input = h("input", { type, ...more });
  return { input, root: h("label", { class: "carto-check" }, input, label) };
}

/** Does what a pressed key stands for; whether it stands for anything.
 * @param {KeyboardEvent} event @param {Record<string, () => void>} keys */
function did(event, keys) {
  if (!Object.hasOwn(keys, event.key)) return false;
  event.preventDefault();
  keys[event.key]();
  return true;
}

/** A label, its control and the place below it for a hint, an error and a suggestion. */
class Field {
  /** @param {string} name @param {string} label
   * @param {HTMLInputElement} input @param {Node[]} beside */
  constructor(name, label, input, ...beside) {
    this.name = name;
    this.label = label;
    this.input = input;
    this.text = h("span", { class: "carto-slot-text", id: `${input.id}-note` });
    this.act = button("", { class: "carto-link" });
    this.slot = h("div", { class: "carto-slot" }, this.text, this.act);
    this.control = h("div", { class: "carto-control" }, input, ...beside);
    this.root = h("div", { class: `carto-field carto-field-${name}` },
      h("label", { for: input.id, class: "carto-label" }, label), this.control, this.slot);
    input.setAttribute("aria-describedby", this.text.id);
    /** @type {Note} */
    this.note = { text: "" };
  }

  /** @param {Note} note */
  show(note) {
    const { text, bad = false, warn = false, take } = note;
    this.note = note;
    setText(this.text, text);
    this.text.title = text;
    this.slot.dataset.kind = bad ? "bad" : warn ? "warn" : "hint";
    this.input.ariaInvalid = bad ? "true" : null;
    setText(this.act, take?.label ?? "");
    this.act.hidden = !take;
  }

  /** What is wrong and has no room beside the field. */
  overflow() {
    const cut = this.note.bad && this.text.scrollHeight > this.text.clientHeight + 1;
    return cut ? `${this.label}: ${this.note.text}` : "";
  }
}

/** The saved accounts: a combobox that filters by name, user and host. */
class AccountList {
  /** @param {string} id @param {(account: string | null) => void} choose */
  constructor(id, choose) {
    this.choose = choose;
    /** @type {Account[]} */
    this.accounts = [];
    /** @type {string | null} */
    this.value = null;
    /** @type {(Account | null)[]} */
    this.options = [];
    this.active = 0;
    this.typed = false;
    this.input = textInput(id, {
      role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": `${id}-list`,
    });
    this.list = h("ul", { id: `${id}-list`, role: "listbox", class: "carto-options", "aria-label": "Saved accounts" });
    this.more = h("div", { class: "carto-more" });
    this.popup = h("div", { class: "carto-popup carto-accounts", popover: "manual" }, this.list, this.more);
    this.field = new Field("account", "Account", this.input, this.popup);
    this.popup.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", ({ target }) =>
      this.take([...this.list.children].findIndex((node) => node.contains(/** @type {Node} */ (target)))));
    this.input.addEventListener("click", () => {
      if (this.isOpen) return;
      this.input.select();
      this.open();
    });
    // In WebKit the release would put the caret where the press was.
    this.input.addEventListener("mouseup", (event) => this.isOpen || event.preventDefault());
    this.input.addEventListener("input", () => { this.typed = true; this.open(); });
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("blur", () => this.close());
  }

  get isOpen() {
    return this.popup.matches(":popover-open");
  }

  /** @param {Account[]} accounts */
  setAccounts(accounts) {
    const marked = this.options[this.active];
    this.accounts = accounts;
    if (this.isOpen) this.open(marked && marked[0]);
  }

  /** Who an account is, in a line.
   * @param {Account | null | undefined} account */
  words(account = this.accounts.find(([name]) => name === this.value)) {
    return account ? account.slice(1, 4).filter(Boolean).join(" · ") : "";
  }

  /** @param {string | null} [marked] the account to mark, if not the chosen one */
  open(marked) {
    const words = this.typed ? this.input.value.toLowerCase().split(/\s+/) : [];
    const found = this.accounts.filter((account) => {
      const text = account.slice(0, 3).join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
    this.options = [null, ...found.slice(0, MOST_SHOWN)];
    this.list.replaceChildren(...this.options.map((account) => this.option(account)));
    const left = found.length - MOST_SHOWN;
    const none = found.length ? "" : "No saved account matches";
    this.more.textContent = left > 0 ? `and ${left.toLocaleString("en")} more: type to find` : none;
    this.popup.togglePopover(true);
    this.input.ariaExpanded = "true";
    const place = (/** @type {string | null} */ name) => this.options.findIndex((account) => (account?.[0] ?? null) === name);
    const kept = marked === undefined ? -1 : place(marked);
    this.move(kept >= 0 ? kept : this.typed ? 1 : place(this.value));
  }

  /** @param {Account | null} account */
  option(account) {
    const name = h("span", { class: "carto-option-name" }, account?.[0] ?? NEW_ACCOUNT);
    if (account?.[4]) name.append(" ", h("span", { class: "carto-badge" }, "default"));
    const words = account ? this.words(account) : "Log in with a user name and an API key";
    return h("li", {
      id: `${this.list.id}-${account?.[0] ?? ""}`, role: "option", class: "carto-option",
      "aria-selected": String((account?.[0] ?? null) === this.value),
    }, name, h("span", { class: "carto-option-words" }, words));
  }

  /** @param {number} index */
  move(index) {
    this.list.children[this.active]?.classList.remove("carto-active");
    this.active = Math.max(0, Math.min(index, this.options.length - 1));
    const option = this.list.children[this.active];
    option.classList.add("carto-active");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  /** @param {string | null} value */
  show(value) {
    this.value = value;
    if (!this.isOpen) this.input.value = value ?? NEW_ACCOUNT;
  }

  close() {
    this.popup.hidePopover();
    this.input.ariaExpanded = "false";
    this.input.removeAttribute("aria-activedescendant");
    this.typed = false;
    this.show(this.value);
  }

  /** @param {number} index */
  take(index) {
    const option = this.options[index];
    if (option === undefined) return;
    const before = this.value;
    this.value = option?.[0] ?? null;
    this.close();
    this.input.select();
    if (this.value !== before) this.choose(this.value);
  }

  /** Whether the key was for the list.
   * @param {KeyboardEvent} event */
  key(event) {
    const open = () => this.open();
    if (!this.isOpen) return did(event, { ArrowDown: open, ArrowUp: open });
    if (event.key === "Tab" && this.typed && this.options.length === 2) this.take(1);
    return did(event, {
      ArrowDown: () => this.move(this.active + 1), ArrowUp: () => this.move(this.active - 1),
      Home: () => this.move(0), End: () => this.move(this.options.length - 1),
      Enter: () => this.take(this.active), Escape: () => { this.close(); this.input.select(); },
    });
  }
}

/** The menu on the card, and the question that some of its items ask. */
class Menu {
  /** @param {string} id @param {Send} send */
  constructor(id, send) {
    this.send = send;
    /** @type {MenuItem[]} the newest, which may be others than those that are shown */
    this.items = [];
    this.opener = button("More", { id: `${id}-more`, popovertarget: `${id}-menu`, "aria-haspopup": "menu" });
    this.opener.classList.add("carto-opener");
    this.list = h("div", { id: `${id}-menu`, role: "menu", class: "carto-popup carto-menu", popover: "auto",
      "aria-labelledby": `${id}-more` });
    this.words = h("p", { id: `${id}-words`, class: "carto-ask-words" });
    this.label = h("span", { class: "carto-label" });
    this.input = textInput(`${id}-ask`, { pattern: NAMES, title: NAMES_IN_WORDS });
    this.input.addEventListener("change", () => { this.input.value = clean(this.input.value); });
    this.named = h("label", {}, this.label, this.input);
    this.byDefault = tick("checkbox", "Start every session with it");
    this.yes = button("", { type: "submit", value: "yes" });
    this.questions = h("form", { method: "dialog" }, this.words, this.named, this.byDefault.root,
      h("div", { class: "carto-buttons" }, this.yes, button("Cancel", { type: "submit", formnovalidate: "", autofocus: "" })));
    this.ask = h("dialog", { class: "carto-popup carto-ask", "aria-labelledby": `${id}-words` }, this.questions);
    this.root = h("div", {}, this.opener, this.list, this.ask);
  }

  /** @param {MenuItem[]} items */
  setItems(items) {
    this.items = items;
    if (this.list.matches(":popover-open")) return;
    this.list.replaceChildren(...items.map((item) => {
      const kind = item.act === "forget" ? "danger" : "plain";
      const node = button(item.label, { role: "menuitem", tabindex: "-1", class: "carto-menuitem", "data-kind": kind });
      node.autofocus = item === items[0];
      node.addEventListener("click", () => this.pick(item.act));
      return node;
    }));
  }

  close() {
    this.list.hidePopover();
    this.ask.close();
  }

  /** @param {string} act */
  pick(act) {
    this.close();
    const item = this.items.find((one) => one.act === act);
    if (!item) return;
    if (!item.ask && !item.confirm) return this.send(item.act);
    const label = item.label.replace(/ …$/, "");
    this.words.textContent = item.confirm ?? label;
    this.named.hidden = !item.ask;
    this.label.textContent = item.ask?.label ?? "";
    this.input.value = item.ask?.value ?? "";
    this.input.required = item.ask !== null;
    this.byDefault.root.hidden = item.default === null;
    this.byDefault.input.checked = item.default ?? false;
    this.yes.textContent = label;
    this.yes.dataset.kind = item.act === "forget" ? "danger" : "primary";
    // Sent while this question is shown: it closes later, perhaps over another account's card.
    this.questions.onsubmit = ({ submitter }) => {
      const saved = { name: this.input.value, default: this.byDefault.input.checked };
      if (submitter === this.yes) this.send(item.act, saved);
    };
    this.ask.showModal();
    if (!item.ask) return;
    this.input.focus();
    this.input.select();
  }

  /** @param {number} index */
  go(index) {
    this.list.togglePopover(true);
    const items = /** @type {NodeListOf<HTMLElement>} */ (this.list.querySelectorAll("button"));
    items[(index + items.length) % items.length].focus();
  }

  /** Whether the key was for the menu.
   * @param {KeyboardEvent} event @param {EventTarget} target */
  key(event, target) {
    if (target === this.opener) {
      return did(event, { ArrowDown: () => this.go(0), ArrowUp: () => this.go(-1) });
    }
    const items = [...this.list.children];
    const index = items.findIndex((item) => item === target);
    if (index < 0) return false;
    if (event.key === "Tab") this.close();
    const begins = items.findIndex(({ textContent }) => textContent?.toLowerCase().startsWith(event.key));
    return did(event, {
      ArrowDown: () => this.go(index + 1), ArrowUp: () => this.go(index - 1),
      Home: () => this.go(0), End: () => this.go(-1),
      ...(begins >= 0 && { [event.key]: () => this.go(begins) }),
    });
  }
}

/** What the login screen is made of.
 * @param {string} id @param {(account: string | null) => void} choose */
function formParts(id, choose) {
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {Node[]} */ ...beside) =>
    new Field(name, label, textInput(`${id}-${name}`, { "data-field": name }), ...beside);
  const radio = (/** @type {string} */ label) =>
    tick("radio", label, { "data-field": "custom", name: `${id}-where` });
  const title = h("h2", { class: "carto-title", id: `${id}-title`, tabindex: "-1" });
  const accounts = new AccountList(`${id}-account`, choose);
  const [cloud, custom] = [radio("CARTO cloud"), radio("On-premises or custom address")];
  const [base_url, username] = [field("base_url", "Address"), field("username", "User name")];
  const heldWords = h("span", { id: `${id}-held` }); // over the empty input
  const drop = button("Drop", { class: "carto-link", "data-act": "drop_key", "aria-label": "Drop the held key" });
  const held = h("div", { class: "carto-held" }, heldWords, drop);
  const reveal = button("", { class: "carto-reveal", "aria-label": "Show the key" });
  reveal.append(new DOMParser().parseFromString(EYE, "image/svg+xml").documentElement);
  const api_key = field("api_key", "API key", held, reveal);
  const keysPage = h("a", { class: "carto-link carto-keys-page", target: "_blank", rel: "noopener noreferrer" }, "Find your key");
  api_key.root.append(keysPage);
  api_key.input.setAttribute("aria-describedby", `${id}-held ${api_key.text.id}`);
  const [remember, name] = [tick("checkbox", "Remember this account as", { "data-field": "remember" }), field("name", "Name")];
  name.input.placeholder = "proposed after the check";
  const byDefault = tick("checkbox", "Start every session with it", { "data-field": "default" });
  const where = h("fieldset", { class: "carto-where" },
    h("legend", { class: "carto-label" }, "Account on"), cloud.root, custom.root);
  const saving = h("div", { class: "carto-saving" }, remember.root, name.root, byDefault.root);
  const fold = h("div", {}, where, base_url.root, username.root, api_key.root, saving);
  const row = buttons("form");
  const root = h("form", {
    class: "carto-form", autocomplete: "off", novalidate: "", "aria-labelledby": title.id,
    "data-1p-ignore": "true", "data-lpignore": "true",
  }, title, accounts.field.root, fold, row);
  if (location.protocol === "http:" && !isSecureContext) {
    title.after(h("p", { class: "carto-insecure" }, "This page is not encrypted (http): the key can be read on its way to the kernel."));
  }
  // The key's is no password field: those are what password managers fill and offer to
  // save. The style is set here, so that it holds where no style sheet is allowed.
  const mask = (/** @type {boolean} */ masked) => {
    api_key.input.style.setProperty("-webkit-text-security", masked ? "disc" : "none");
    reveal.ariaPressed = String(!masked);
  };
  mask(true);
  reveal.addEventListener("mousedown", (event) => event.preventDefault());
  reveal.addEventListener("click", () => mask(reveal.ariaPressed === "true"));
  return {
    root, title, accounts, fold, row, heldWords, drop, held, keysPage, mask, saving,
    cloud: cloud.input, custom: custom.input, remember: remember.input, default: byDefault.input,
    fields: { account: accounts.field, base_url, username, api_key, name },
  };
}

/** The card. Its buttons stand above all that arrives later. */
class Card {
  /** @param {string} id @param {Send} send */
  constructor(id, send) {
    this.title = h("h2", { class: "carto-title", id: `${id}-card`, tabindex: "-1" });
    this.menu = new Menu(id, send);
    this.row = buttons("card");
    this.rows = h("dl", { class: "carto-rows" });
    this.quota = h("div", { class: "carto-quota" });
    this.notes = h("div", { class: "carto-note-list" });
    this.noteBlock = h("div", { class: "carto-notes" }, this.notes,
      button("Dismiss", { class: "carto-link", "data-act": "dismiss" }));
    this.root = h("section", { class: "carto-card", "aria-labelledby": this.title.id },
      h("div", { class: "carto-head" }, this.title, this.menu.root), this.row, this.noteBlock, this.rows, this.quota);
  }

  /** @param {CardPicture} card @param {boolean} stale */
  draw(card, stale) {
    setText(this.title, stale ? "This card is from an earlier session" : card.title);
    this.title.title = this.title.textContent ?? "";
    this.title.dataset.kind = card.good && !stale ? "good" : "warn";
    this.menu.setItems(card.menu);
    this.rows.replaceChildren(...card.rows.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
    this.notes.replaceChildren(...card.notes.map((note) => h("p", {}, note)));
    this.noteBlock.hidden = card.notes.length === 0;
    this.quota.replaceChildren(...card.quota.map(({ label, words, percent }) => h("div", { class: "carto-bar" },
      h("span", {}, label), h("span", { class: "carto-bar-words" }, words),
      h("progress", { max: "100", value: String(percent), "aria-label": `${label}: ${words}` }))));
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
    /** @type {Record<string, number>} of each field, the message that carries what was done to it */
    this.edited = {};
    /** @type {Set<string>} fields that were filled without typing */
    this.filled = new Set();
    this.focused = NaN;
    this.late = false;
    this.stale = false;
    this.pressing = false;
    /** @type {Snapshot | null} */
    this.snap = null;
    /** @type {{n: number, text: string} | null} */
    this.sentKey = null;
    /** @type {Payload[]} */
    this.waiting = [];
    this.leaving = new AbortController();
    const view = this;
    /** @type {Record<string, (this: any, payload: any) => void>} */
    this.heard = {
      "msg:custom": (payload) => this.receive(payload),
      comm_live_update() {
        const live = this?.model?.comm_live; // `this` is what anywidget binds, where it does
        if (typeof live === "boolean") view.setStale(!live);
      },
    };
    const id = `carto-${this.id}`;
    this.form = formParts(id, (account) => this.chose(account));
    this.card = new Card(id, this.send.bind(this));
    this.status = h("div", { class: "carto-message", role: "status" });
    this.panel = h("fieldset", { class: "carto-panel", role: "none" }, this.form.root, this.card.root);
    this.root = h("div", { class: "carto-login", "data-screen": "none" }, this.panel, this.status);
    el.append(this.root);
    this.listen();
  }

  // -------------------------------------------------------------------- what happens
  listen() {
    const { signal } = this.leaving;
    const captured = { capture: true, signal };
    window.addEventListener("keydown", (event) => this.keyDown(event), captured);
    for (const name of ["pointerup", "pointercancel", "keyup"]) {
      window.addEventListener(name, () => this.released(), captured);
    }
    window.addEventListener("blur", () => this.released(), { signal });
    // While a button is held down nothing is drawn: it stays what it was when pressed.
    this.root.addEventListener("pointerdown", () => { this.pressing = true; }, captured);
    this.root.addEventListener("click", (event) => this.clicked(event), captured);
    this.root.addEventListener("input", (event) => this.typed(event));
    this.root.addEventListener("focusout", (event) => this.left(event));
    this.form.root.addEventListener("submit", (event) => event.preventDefault());
    // Cells and other programs save accounts too. That is no act of anybody: it has no
    // number, as it may not make up for a message that is still on its way.
    const list = () => this.hail("list");
    for (const popup of [this.form.accounts.popup, this.card.menu.list]) {
      popup.addEventListener("beforetoggle", ({ newState }) => newState === "open" && list());
    }
    for (const field of Object.values(this.form.fields)) {
      field.act.addEventListener("click", () => this.take(field));
    }
    for (const [name, handler] of Object.entries(this.heard)) this.model.on(name, handler);
  }

  /** A press counts unless it was meant for the screen that stood here before.
   * @param {MouseEvent} event */
  clicked(event) {
    const part = event.target instanceof Element ? event.target.closest("button, input") : null;
    const pressed = part?.closest("button");
    const act = pressed?.dataset.act;
    // In Safari a press gives no button the focus, and the notebook would take it.
    if (part instanceof HTMLElement && !this.focusedPart()) part.focus();
    if (pressed && (this.root.dataset.fresh === "true" || (act && event.detail > 1))) {
      event.preventDefault();
      event.stopPropagation();
    } else if (act) this.send(act);
  }

  released() {
    if (!this.pressing) return;
    // After the click that this release may be.
    setTimeout(() => {
      this.pressing = false;
      for (const payload of this.waiting.splice(0)) this.draw(payload);
    });
  }

  /** @param {Event} event */
  typed(event) {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const name = input.dataset.field;
    this.root.dataset.fresh = "false";
    if (!name) return;
    this.edited[name] = this.n + 1;
    const how = event instanceof InputEvent ? event.inputType : "";
    if (input.type !== "text") this.send("commit");
    else if (how && how !== "insertReplacementText") this.filled.delete(name);
    else this.filled.add(name);
    this.paint();
  }

  /** @param {FocusEvent} event */
  left(event) {
    const input = /** @type {HTMLElement} */ (event.target);
    const unsent = Object.values(this.edited).some((n) => n > this.n);
    if (!input.dataset.field || !unsent || this.focusedPart() === input) return;
    this.send("commit");
  }

  /** Does what is offered below a field.
   * @param {Field} from */
  take({ name, input, note: { take } }) {
    if (!take) return;
    /** @type {{fields: Record<string, Field>, custom: HTMLInputElement, cloud: HTMLInputElement}} */
    const { fields, custom, cloud } = this.form;
    const isKey = take.field === "api_key";
    const whose = isKey ? userInFile(input.value) : null;
    if (isKey) input.value = whose ? "" : withoutKey(input.value);
    const written = { ...whose, [take.field]: take.value };
    if (written.base_url) custom.checked = true;
    else if (whose) cloud.checked = true;
    for (const [field, value] of Object.entries(written)) fields[field].input.value = value;
    for (const field of [name, ...Object.keys(written), "custom"]) {
      this.edited[field] = this.n + 1;
      this.filled.delete(field);
    }
    const isWhole = !isKey && (this.snap?.key === "held" || fields.api_key.input.value);
    this.send("commit");
    ((isWhole && this.target("submit")) || fields.api_key.input).focus();
    this.paint();
  }

  /** @param {string | null} account */
  chose(account) {
    this.form.fields.api_key.input.value = "";
    this.edited.account = this.n + 1;
    this.send("choose", { account });
  }

  /** Plain keys end here, before a notebook can take them for commands; what the form
   * itself does with them is therefore done here too. Typing and pressing are not stopped.
   * @param {KeyboardEvent} event */
  keyDown(event) {
    const [target, ...around] = event.composedPath();
    if (!around.includes(this.root) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && event.shiftKey) return;
    event.stopPropagation();
    const { form, card } = this;
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.repeat || this.root.dataset.fresh === "true")) event.preventDefault();
    else if (card.menu.key(event, target)) return;
    else if (target === form.accounts.input && form.accounts.key(event)) return;
    else if (event.key === " ") this.pressing = true;
    else if (target instanceof HTMLInputElement && form.root.contains(target)) {
      did(event, { Enter: () => this.send("submit") });
    }
  }

  // ------------------------------------------------------------------- the messages
  /** @param {string} act @param {Partial<Fields>} [fields] */
  send(act, fields = {}) {
    if (this.stale || this.leaving.signal.aborted) return;
    const n = ++this.n;
    const { base_url, username, api_key, name } = this.form.fields;
    for (const { input } of [base_url, username, api_key, name]) input.value = clean(input.value);
    const key = act === "commit" || act === "submit" ? api_key.input.value : "";
    const buffers = key ? [new DataView(new TextEncoder().encode(key).slice().buffer)] : [];
    if (key) this.sentKey = { n, text: key };
    this.model.send({ act, view: this.id, n, ...this.read(fields) }, undefined, buffers);
    setTimeout(() => this.checkLate(n), this.snap ? PATIENCE_MS : GUARD_MS);
  }

  /** What the fields hold; of a key where none belongs only the place is told.
   * @param {Partial<Fields>} changed */
  read(changed) {
    const { accounts, fields, custom, remember, default: byDefault } = this.form;
    const [base_url, username] = [fields.base_url, fields.username].map(({ input }) => input.value);
    const name = changed.name ?? fields.name.input.value;
    const misplaced = keyIn(username) ? "username" : custom.checked && keyIn(base_url) ? "base_url" : "";
    return { ...(misplaced && { misplaced }), about: this.snap?.card?.about ?? 0, fields: {
      account: accounts.value,
      custom: custom.checked,
      base_url: keyIn(base_url) ? "" : base_url,
      username: keyIn(username) ? "" : username,
      remember: remember.checked,
      default: byDefault.checked,
      typed: this.filled.size === 0,
      ...changed,
      name: typedNote("name", name)?.bad ? "" : name,
    } };
  }

  /** @param {number} n */
  checkLate(n) {
    if (this.el.closest(".jupyter-widgets-disconnected")) this.setStale(true);
    if (this.acked < n) this.late = true;
    this.paintStatus();
  }

  /** The kernel answers, and what comes next takes the way that this message took. */
  hail(act = "loaded") {
    if (!this.leaving.signal.aborted) this.model.send({ act });
  }

  /** @param {number} [wait] */
  ready(wait = 1000) {
    if (this.snap || this.leaving.signal.aborted) return;
    this.send("ready");
    setTimeout(() => this.ready(Math.min(2 * wait, 16000)), wait);
  }

  /** @param {boolean} stale */
  setStale(stale) {
    if (this.stale === stale) return;
    const had = this.focusedPart() !== null;
    this.stale = stale;
    this.card.menu.close();
    this.paint();
    this.moveFocus(had);
    if (!stale) this.send("ready");
  }

  /** @param {any} payload a `Payload`, or what is not well-formed */
  receive(payload) {
    const { seq, snapshot } = payload ?? {};
    if (!(seq > this.seq) || (snapshot?.screen !== "form" && !snapshot?.card)) return;
    this.seq = seq;
    this.acknowledge(payload.ack?.[this.id] ?? 0); // also while a button is held: what it sends has the key no more
    if (this.pressing) this.waiting.push(payload);
    else this.draw(payload);
  }

  /** @param {number} n */
  acknowledge(n) {
    this.acked = Math.max(this.acked, n);
    this.late &&= this.acked < this.n;
    if (!this.sentKey || this.acked < this.sentKey.n) return;
    const { input } = this.form.fields.api_key;
    if (input.value === this.sentKey.text) input.value = "";
    this.sentKey = null;
  }

  // -------------------------------------------------------------------- the picture
  /** @param {Payload} payload */
  draw({ snapshot }) {
    const had = this.focusedPart() !== null;
    const first = this.snap === null;
    const { snap } = this;
    const turned = snap?.screen !== snapshot.screen || snap?.card?.about !== snapshot.card?.about;
    this.snap = snapshot;
    if (snapshot.accounts) this.form.accounts.setAccounts(snapshot.accounts);
    this.write(snapshot.fields);
    if (turned) this.turn(first);
    this.paint();
    this.moveFocus(had);
    // "ready" was too early for the side channel of a busy kernel; on a slow page more is.
    if (first) for (const wait of [0, 1000, 4000]) setTimeout(() => this.hail(), wait);
  }

  /** Writes what the kernel, or another view, has put into a control. What was typed here
   * and is still on its way to the kernel stands, and so does a key that it may not have.
   * @param {Fields} fields */
  write(fields) {
    const { form } = this;
    for (const [name, value] of Object.entries(fields)) {
      if (this.acked < (this.edited[name] ?? 0)) continue;
      if (name === "account") form.accounts.show(fields.account);
      else if (name === "custom") form[value ? "custom" : "cloud"].checked = true;
      else if (name === "remember" || name === "default") form[name].checked = Boolean(value);
      else if (name === "base_url" || name === "username" || name === "name") {
        const { input } = form.fields[name];
        if (input.value === value || (!value && typedNote(name, input.value)?.bad)) continue;
        input.value = String(value);
        this.filled.delete(name);
      }
    }
  }

  /** Another screen, or the card of another account. @param {boolean} first */
  turn(first) {
    this.root.dataset.fresh = String(!first);
    setTimeout(() => { this.root.dataset.fresh = "false"; }, GUARD_MS);
    this.card.menu.close();
    this.form.mask(true);
    this.filled.clear();
    if (this.snap?.screen === "card") this.form.fields.api_key.input.value = "";
  }

  paint() {
    const { snap, form, card } = this;
    this.root.dataset.screen = snap?.screen ?? "none";
    this.panel.disabled = this.stale;
    form.root.hidden = snap?.screen !== "form";
    card.root.hidden = snap?.screen !== "card";
    if (snap?.card) {
      card.draw(snap.card, this.stale);
      this.paintActs("card", snap.card.acts);
    } else if (snap) this.paintForm(snap);
    this.paintStatus();
  }

  /** @param {Snapshot} snap */
  paintForm(snap) {
    const { form } = this;
    setText(form.title, snap.title);
    form.fold.hidden = !snap.open;
    form.root.dataset.open = String(snap.open);
    form.fields.account.root.hidden = form.accounts.accounts.length === 0;
    form.fields.base_url.root.hidden = !form.custom.checked;
    form.saving.hidden = !snap.saving.shown;
    form.fields.name.input.disabled = !form.remember.checked;
    form.default.disabled = !form.remember.checked || snap.saving.default_locked;
    for (const field of Object.values(form.fields)) field.show(this.note(field, snap));
    const words = { held: "Key held by this kernel", saved: "Saved with this account" }[snap.key] ?? "";
    form.held.hidden = words === "" || form.fields.api_key.input.value !== "";
    setText(form.heldWords, words);
    form.drop.hidden = snap.key !== "held";
    form.keysPage.href = snap.keys_page;
    form.keysPage.hidden = snap.keys_page === "";
    this.paintActs("form", snap.acts);
  }

  /** What stands below a field: what was just typed, what the kernel says of it, a hint.
   * @param {Field} field @param {Snapshot} snap
   * @returns {Note} */
  note({ name, input }, snap) {
    const typed = typedNote(name, clean(input.value));
    const error = this.acked >= (this.edited[name] ?? 0) ? snap.errors[name] : null;
    if (typed?.bad) return typed;
    if (error) return { ...error, bad: true };
    const warn = name === "name" && snap.saving.replaces !== "" && this.form.remember.checked;
    return typed ?? { text: this.hint(name, snap), warn };
  }

  /** @param {string} name @param {Snapshot} snap */
  hint(name, { saving, status, destination }) {
    const { accounts, custom, remember } = this.form;
    const where = `${status === "accepted" ? "Checked" : "Will be checked"} at ${destination}`;
    return {
      account: accounts.words(),
      base_url: "Like https://carto.example.com/user/jane",
      username: custom.checked ? "Not needed if the address names it" : "The jane in jane.carto.com",
      api_key: destination ? where : "In CARTO under Settings, API keys",
      name: remember.checked ? saving.replaces || saving.path : "",
    }[name] ?? "";
  }

  /** @param {"form" | "card"} screen @param {Act[]} acts */
  paintActs(screen, acts) {
    for (const [index, place] of PLACES[screen].entries()) {
      const node = /** @type {HTMLElement} */ (this[screen].row.children[index]);
      const shown = acts.find(({ act, kind }) => (kind === "primary" ? "main" : act) === place);
      node.hidden = !shown;
      if (!shown) continue;
      setText(node, shown.label);
      node.title = shown.label.length > 18 ? shown.label : "";
      node.dataset.act = shown.act;
      node.dataset.kind = shown.kind;
      node.ariaBusy = String(shown.busy);
    }
  }

  paintStatus() {
    let { kind, text } = this.snap?.message ?? { kind: "none", text: "" };
    if (this.late) [kind, text] = ["busy", WAITING];
    if (this.stale) [kind, text] = ["warn", GONE];
    const cut = this.snap?.screen === "form" ? Object.values(this.form.fields).map((field) => field.overflow()) : [];
    this.status.dataset.kind = kind;
    setText(this.status, [text, ...cut].filter(Boolean).join("\n"));
  }

  // ---------------------------------------------------------------------- the focus
  /** What has the focus, if it is in the form; the page may be a shadow tree. */
  focusedPart() {
    const { activeElement } = /** @type {Document | ShadowRoot} */ (this.root.getRootNode());
    return this.root.contains(activeElement) ? activeElement : null;
  }

  /** To where the kernel wants it; it never falls out of the form with what vanishes.
   * @param {boolean} had */
  moveFocus(had) {
    const { focus, card } = this.snap ?? {};
    const fresh = focus && focus.n !== this.focused;
    if (focus) this.focused = focus.n;
    if (had && fresh) this.target(focus.to)?.focus();
    const active = this.focusedPart();
    const usable = active?.checkVisibility({ visibilityProperty: true }) && !active.matches(":disabled");
    if (had && !usable) (card ? this.card : this.form).title.focus();
  }

  /** @param {string} name @returns {HTMLElement | null} */
  target(name) {
    if (name === "card") return this.card.title;
    return this.root.querySelector(`.carto-field-${name} input, [data-act="${name}"]`);
  }

  close() {
    this.leaving.abort();
    for (const [name, handler] of Object.entries(this.heard)) this.model.off(name, handler);
    this.form.fields.api_key.input.value = "";
    this.root.remove();
  }
}

/** The kernel hears that the form can be drawn here, though nobody has scrolled to it.
 * @param {{model: Model}} context */
function initialize({ model }) {
  model.send({ act: "loaded" });
}

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  const view = new View(model, el);
  view.checkLate(0);
  view.ready();
  setTimeout(() => view.checkLate(0), 100); // the class of a dead kernel's widgets comes later
  return () => view.close();
}

export default { initialize, render };
