// Builds a form from /openapi.json, asks /predict, and shows the answer. Text only ever enters the page as text.
"use strict";
const at = (id) => document.getElementById(id);
const fields = new Map(); // name -> {schema, read, box, hint, told}
let token = "";

function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const headers = () => (token ? { authorization: "Bearer " + token } : {});
const shown = (value) =>
  typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);

async function begin() {
  const reply = await fetch("openapi.json", { headers: headers() });
  if (reply.status === 401 || reply.status === 403) {
    at("unlock").hidden = false;
    at("locked").textContent = token ? "That is not the token." : "";
    at("token").focus();
    return;
  }
  const described = await reply.json();
  if (!reply.ok) {
    at("about").textContent = described.error;
    return;
  }
  const row = described.components.schemas.Row;
  at("unlock").hidden = true;
  at("name").textContent = described.info.title;
  document.title = "Try " + described.info.title;
  at("about").textContent = "Version " + described.info.version + ". Fields start inside the range that the model learned from.";
  for (const [name, schema] of Object.entries(row.properties)) add(name, schema);
  at("more").hidden = !at("context").children.length;
  at("trial").hidden = false;
  tellCurl();
}

function add(name, schema) {
  const learned = schema["x-learned"];
  const nullable = Array.isArray(schema.type);
  const id = "field-" + fields.size;
  const { control, read, extra, told } = controlOf(learned, id, nullable);
  const hint = made("p", { class: "hint", id: id + "-hint" }, told);
  control.setAttribute("aria-describedby", id + "-hint");
  const box = made("div", { class: "field" }, made("label", { for: id }, name), control, ...extra, hint);
  at(learned.scored ? "inputs" : "context").append(box);
  fields.set(name, { read, box, hint, told });
}

function controlOf(learned, id, nullable) {
  const may = nullable ? "may be empty" : "";
  const words = (...parts) => parts.filter(Boolean).join(", ");
  const { minimum, maximum, categories = [] } = learned;
  if (learned.type === "number" || learned.type === "integer") {
    const whole = learned.type === "integer";
    const start = minimum === undefined ? "" : whole ? Math.round((minimum + maximum) / 2) : Number(((minimum + maximum) / 2).toPrecision(4));
    const control = made("input", { id, type: "number", step: whole ? 1 : "any", value: start });
    const read = () => (control.value === "" ? null : Number(control.value));
    if (minimum === undefined || minimum === maximum) return { control, read, extra: [], told: words(may) };
    const step = whole ? 1 : (maximum - minimum) / 1000;
    const slider = made("input", { type: "range", min: minimum, max: maximum, step, value: start, tabindex: -1, "aria-hidden": "true" });
    slider.addEventListener("input", () => { control.value = whole ? slider.value : Number(Number(slider.value).toPrecision(4)); tellCurl(); });
    control.addEventListener("input", () => { slider.value = control.value; });
    return { control, read, extra: [slider], told: words(shown(minimum) + " to " + shown(maximum), may) };
  }
  if (learned.type === "boolean") {
    const control = made("select", { id }, made("option", {}, "true"), made("option", {}, "false"));
    if (nullable) control.append(made("option", { value: "" }, "missing"));
    return { control, read: () => ({ true: true, false: false })[control.value] ?? null, extra: [], told: "" };
  }
  if (learned.type === "timestamp") {
    const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 19);
    const control = made("input", { id, type: "datetime-local", step: 1, value: now });
    return { control, read: () => (control.value ? new Date(control.value).toISOString() : null), extra: [], told: words("your local time", may) };
  }
  if (categories.length) {
    const list = made("datalist", { id: id + "-list" }, ...categories.map((value) => made("option", { value })));
    const control = made("input", { id, list: id + "-list", value: categories[0], autocomplete: "off" });
    const some = categories.slice(0, 4).join(", ") + (categories.length > 4 ? " … (" + categories.length + ")" : "");
    return { control, read: () => control.value || null, extra: [list], told: words(some, may) };
  }
  const control = made("textarea", { id, rows: 1 });
  return { control, read: () => control.value || null, extra: [], told: words("text", may) };
}

const request = () => {
  const row = {};
  for (const [name, field] of fields) {
    const value = field.read();
    if (value !== null) row[name] = value;
  }
  return { rows: [row] };
};

function tellCurl() {
  const body = JSON.stringify(request(), null, 1).replaceAll("'", "'\\''");
  const auth = token ? " \\\n  -H \"Authorization: Bearer $TOKEN\"" : "";
  at("curl").textContent = "curl " + new URL("predict", location.href).href + auth + " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + body + "'";
}

async function ask(event) {
  event.preventDefault();
  at("ask").disabled = true;
  for (const field of fields.values()) {
    field.box.classList.remove("wrong");
    field.hint.textContent = field.told;
  }
  const started = performance.now();
  try {
    const sent = { method: "POST", headers: { "content-type": "application/json", ...headers() }, body: JSON.stringify(request()) };
    const reply = await fetch("predict", sent);
    const answer = await reply.json();
    if (reply.ok) show(answer, performance.now() - started);
    else refuse(answer);
  } catch (error) {
    refuse({ error: "The server does not answer: " + error.message });
  } finally {
    at("ask").disabled = false;
  }
}

function show(answer, elapsed) {
  const [found] = answer.predictions;
  const parts = [];
  for (const [name, value] of Object.entries(found)) {
    parts.push(made("p", { class: "told" }, name));
    if (value === null || typeof value !== "object") parts.push(made("p", { class: "prediction", title: String(value) }, shown(value)));
    else parts.push(shares(value, name));
  }
  parts.push(made("p", { class: "small" }, "version " + answer.version + " · " + elapsed.toFixed(0) + " ms there and back · " + answer.request_id));
  at("answer").className = "";
  at("answer").replaceChildren(...parts);
}

function shares(values, name) {
  const entries = Object.entries(values);
  const numbers = name === "probability" && entries.every(([, value]) => typeof value === "number");
  if (numbers) entries.sort((a, b) => b[1] - a[1]);
  const items = entries.map(([label, value]) => {
    const said = numbers ? (100 * value).toFixed(1) + " %" : shown(value);
    const bar = numbers ? [made("meter", { min: 0, max: 1, value, "aria-hidden": "true" })] : [];
    return made("li", {}, ...bar, made("span", {}, label), made("span", { title: String(value) }, said));
  });
  return made("ul", { class: "shares" }, ...items);
}

function refuse(answer) {
  const field = fields.get(answer.field);
  if (field) {
    field.box.classList.add("wrong");
    field.hint.textContent = answer.error.replace(/^rows\[0\]\.[^:]*: /, "");
  }
  at("answer").className = "";
  at("answer").replaceChildren(made("p", { class: "told" }, "Refused"), made("p", { class: "wrong" }, answer.error));
}

at("row").addEventListener("submit", ask);
at("row").addEventListener("input", tellCurl);
at("row").addEventListener("reset", () => setTimeout(() => {
  for (const slider of document.querySelectorAll("input[type=range]")) slider.value = slider.defaultValue;
  tellCurl();
}));
at("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value;
  begin();
});
begin();
