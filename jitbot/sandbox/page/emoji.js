// Emoji: the common :shortcodes:, and drawings of our own for the ones that carry a state, so that a card looks
// the same on a machine without an emoji font.

import { h } from "./dom.js";

const CODES = `
+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|100 💯|1234 🔢|a 🅰️|airplane ✈️|alarm_clock ⏰|alien 👽|ambulance 🚑|anchor ⚓|angry 😠|arrow_backward ◀️
arrow_down ⬇️|arrow_forward ▶️|arrow_left ⬅️|arrow_right ➡️|arrow_up ⬆️|arrows_counterclockwise 🔄|arrow_right_hook ↪️|leftwards_arrow_with_hook ↩️
arrow_right_curved ↪️|art 🎨|astonished 😲|baby 👶|balloon 🎈|ballot_box_with_check ☑️|bangbang ‼️|bank 🏦|bar_chart 📊|battery 🔋|beer 🍺|beers 🍻
bell 🔔|no_bell 🔕|bike 🚲|bird 🐦|black_circle ⚫|black_large_square ⬛|black_square_button 🔲|blue_book 📘|large_blue_circle 🔵|blue_circle 🔵|large_blue_square 🟦
large_blue_diamond 🔷|large_orange_diamond 🔶|small_blue_diamond 🔹|small_orange_diamond 🔸|small_red_triangle 🔺|small_red_triangle_down 🔻
blush 😊|bomb 💣|book 📖|bookmark 🔖|books 📚|boom 💥|bow 🙇|briefcase 💼|broken_heart 💔|broom 🧹|bug 🐛|building_construction 🏗️|bulb 💡|bullettrain_side 🚄
cake 🍰|calendar 📅|date 📅|spiral_calendar_pad 🗓️|calling 📲|camera 📷|card_index_dividers 🗂️|cat 🐱|chart_with_downwards_trend 📉|chart_with_upwards_trend 📈
checkered_flag 🏁|clap 👏|clipboard 📋|clock1 🕐|clock3 🕒|clock9 🕘|closed_lock_with_key 🔐|cloud ☁️|coffee ☕|cold_sweat 😰|computer 💻|confetti_ball 🎊
confused 😕|construction 🚧|construction_worker 👷|cop 👮|cry 😢|crossed_fingers 🤞|crown 👑|crystal_ball 🔮|dart 🎯|desktop_computer 🖥️|detective 🕵️|disappointed 😞
dizzy 💫|dog 🐶|dollar 💵|door 🚪|dragon 🐉|droplet 💧|earth_africa 🌍|earth_americas 🌎|email ✉️|envelope ✉️|incoming_envelope 📨|exclamation ❗|grey_exclamation ❕|eyes 👀
face_palm 🤦|facepalm 🤦|file_cabinet 🗄️|file_folder 📁|fire 🔥|fire_engine 🚒|fireworks 🎆|first_place_medal 🥇|fist 👊|floppy_disk 💾|flushed 😳|ghost 👻|gear ⚙️|gift 🎁
globe_with_meridians 🌐|goat 🐐|grimacing 😬|grin 😁|grinning 😀|green_book 📗|large_green_circle 🟢|green_circle 🟢|large_green_square 🟩|green_heart 💚|guardsman 💂|hammer 🔨
hammer_and_wrench 🛠️|hand ✋|raised_hand ✋|handshake 🤝|hankey 💩|poop 💩|headphones 🎧|heart ❤️|heart_eyes 😍|heartbeat 💓|heavy_check_mark ✔️|heavy_minus_sign ➖
heavy_multiplication_x ✖️|heavy_plus_sign ➕|helmet_with_white_cross ⛑️|hourglass ⌛|hourglass_flowing_sand ⏳|house 🏠|hugging_face 🤗|hushed 😯|ice_cream 🍨|inbox_tray 📥
information_source ℹ️|innocent 😇|interrobang ⁉️|iphone 📱|joy 😂|key 🔑|old_key 🗝️|keyboard ⌨️|label 🏷️|ladder 🪜|laptop 💻|laughing 😆|ledger 📒|link 🔗|chains ⛓️|lock 🔒|locked 🔒
lock_with_ink_pen 🔏|loudspeaker 📢|mega 📣|mag 🔍|mag_right 🔎|mailbox 📫|male-technologist 👨‍💻|female-technologist 👩‍💻|man-shrugging 🤷‍♂️|woman-shrugging 🤷‍♀️|shrug 🤷
mask 😷|medal 🏅|memo 📝|pencil 📝|pencil2 ✏️|microscope 🔬|money_with_wings 💸|moneybag 💰|monkey 🐒|moon 🌔|mountain ⛰️|moyai 🗿|muscle 💪|mute 🔇|neutral_face 😐|new 🆕|new_moon 🌑
newspaper 📰|no_entry ⛔|no_entry_sign 🚫|no_good 🙅|ocean 🌊|octagonal_sign 🛑|stop_sign 🛑|ok 🆗|ok_hand 👌|one 1️⃣|two 2️⃣|three 3️⃣|four 4️⃣|five 5️⃣|open_book 📖|open_file_folder 📂
open_hands 👐|orange_book 📙|large_orange_circle 🟠|orange_circle 🟠|large_orange_square 🟧|outbox_tray 📤|owl 🦉|package 📦|page_facing_up 📄|page_with_curl 📃|paperclip 📎|parrot 🦜|partying_face 🥳|passport_control 🛂
pause_button ⏸️|double_vertical_bar ⏸️|pensive 😔|phone ☎️|telephone ☎️|point_down 👇|point_left 👈|point_right 👉|point_up ☝️|police_car 🚓|pray 🙏|printer 🖨️|purple_heart 💜
large_purple_circle 🟣|purple_circle 🟣|large_purple_square 🟪|pushpin 📌|round_pushpin 📍|question ❓|grey_question ❔|rabbit 🐰|rage 😡|rainbow 🌈|raised_hands 🙌|receipt 🧾|recycle ♻️
red_circle 🔴|large_red_circle 🔴|large_red_square 🟥|relaxed ☺️|relieved 😌|repeat 🔁|rescue_worker_helmet ⛑️|rewind ⏪|fast_forward ⏩|robot_face 🤖|robot 🤖|rocket 🚀|rolling_on_the_floor_laughing 🤣|rotating_light 🚨
runner 🏃|running 🏃|satellite 🛰️|scales ⚖️|scream 😱|scroll 📜|second_place_medal 🥈|seedling 🌱|see_no_evil 🙈|shield 🛡️|ship 🚢|shrimp 🦐|siren 🚨|skull 💀|sleeping 😴|zzz 💤|slightly_frowning_face 🙁|slightly_smiling_face 🙂
smile 😄|smiley 😃|smirk 😏|snail 🐌|snake 🐍|snowflake ❄️|sob 😭|soon 🔜|sos 🆘|sparkles ✨|speaker 🔈|speech_balloon 💬|left_speech_bubble 🗨️|thought_balloon 💭|spider_web 🕸️|stairs 🪜|star ⭐|star2 🌟
stopwatch ⏱️|timer_clock ⏲️|stuck_out_tongue 😛|sunglasses 😎|sunny ☀️|sweat 😓|sweat_smile 😅|tada 🎉|talking 🗣️|technologist 🧑‍💻|test_tube 🧪|thermometer 🌡️|thinking_face 🤔|thinking 🤔|third_place_medal 🥉
ticket 🎫|tiger 🐯|toolbox 🧰|top 🔝|tornado 🌪️|traffic_light 🚦|vertical_traffic_light 🚦|triangular_flag_on_post 🚩|triumph 😤|trophy 🏆|truck 🚚|turtle 🐢|umbrella ☂️|unamused 😒|unicorn_face 🦄|unlock 🔓
upside_down_face 🙃|up 🆙|v ✌️|vs 🆚|warning ⚠️|wastebasket 🗑️|watch ⌚|wave 👋|weary 😩|white_check_mark ✅|white_circle ⚪|white_large_square ⬜|white_flag 🏳️|wink 😉|wolf 🐺|worried 😟|wrench 🔧
x ❌|negative_squared_cross_mark ❎|yellow_heart 💛|large_yellow_circle 🟡|yellow_circle 🟡|large_brown_circle 🟤|brown_circle 🟤|large_yellow_square 🟨|yum 😋|zap ⚡|zipper_mouth_face 🤐|black_heart 🖤|blue_heart 💙|white_medium_square ◻️|radio_button 🔘|compass 🧭|map 🗺️|bar 🍸|crab 🦀|elephant 🐘|penguin 🐧|whale 🐳|octopus 🐙`;

export const EMOJI = new Map(
  CODES.trim()
    .split(/[|\n]/)
    .map((pair) => pair.split(" ")),
);

const DRAWN = new Map(); // character -> function that draws it
const circle = (fill, rim) => () => [h("circle", { cx: 10, cy: 10, r: 8, fill, stroke: rim, "stroke-width": 1 })];
const square = (fill) => () => [h("rect", { x: 2, y: 2, width: 16, height: 16, rx: 2.5, fill })];
const stroke = (d, colour, width = 2.4) =>
  h("path", {
    d,
    fill: "none",
    stroke: colour,
    "stroke-width": width,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  });
const boxed =
  (fill, ...inner) =>
  () => [...square(fill)(), ...inner];

for (const [characters, fill, rim] of [
  ["🔴", "#dd2e44", "#c2253a"],
  ["🟠", "#f4900c", "#d97d06"],
  ["🟡", "#fdcb58", "#e0ae3c"],
  ["🟢", "#5fb04b", "#529a40"],
  ["🔵", "#4a9ee8", "#3b89cf"],
  ["🟣", "#aa8ed6", "#9377c2"],
  ["🟤", "#b0694b", "#96563b"],
  ["⚪", "#f1f3f5", "#b8bfc6"],
  ["⚫", "#31373d", "#555c63"],
])
  DRAWN.set(characters, circle(fill, rim));
for (const [character, fill] of [
  ["🟥", "#dd2e44"],
  ["🟧", "#f4900c"],
  ["🟨", "#fdcb58"],
  ["🟩", "#5fb04b"],
  ["🟦", "#4a9ee8"],
  ["🟪", "#aa8ed6"],
])
  DRAWN.set(character, square(fill));
DRAWN.set("✅", boxed("#5fb04b", stroke("m6 10.5 3 3 5.5-7", "#fff")));
DRAWN.set("↩️", boxed("#4a9ee8", stroke("M14.5 14v-2.5a3 3 0 0 0-3-3H6m2.7-2.8L5.8 8.5l2.9 2.8", "#fff", 1.8)));
DRAWN.set("↪️", boxed("#4a9ee8", stroke("M5.5 14v-2.5a3 3 0 0 1 3-3H14m-2.7-2.8 2.9 2.8-2.9 2.8", "#fff", 1.8)));
DRAWN.set(
  "🔁",
  boxed(
    "#4a9ee8",
    stroke("M5.5 10V8.5a2 2 0 0 1 2-2h6m-1.7-2 2 2-2 2M14.5 10v1.5a2 2 0 0 1-2 2h-6m1.7 2-2-2 2-2", "#fff", 1.5),
  ),
);
DRAWN.set("ℹ️", boxed("#4a9ee8", stroke("M10 9v5.5M10 5.8v.01", "#fff")));
DRAWN.set("▶️", boxed("#4a9ee8", h("path", { d: "M7.5 5.5 14.5 10l-7 4.5Z", fill: "#fff" })));
DRAWN.set("⏸️", boxed("#4a9ee8", stroke("M7.5 6.5v7M12.5 6.5v7", "#fff")));
DRAWN.set("❌", () => [stroke("m4 4 12 12M16 4 4 16", "#dd2e44", 3.4)]);
DRAWN.set("✔️", () => [stroke("m3.5 11 4.5 4.5L17 4.5", "#5fb04b", 3)]);
DRAWN.set("➕", () => [stroke("M10 3.5v13M3.5 10h13", "#5fb04b", 3)]);
DRAWN.set("➖", () => [stroke("M3.5 10h13", "#dd2e44", 3)]);
DRAWN.set("⛔", () => [
  ...circle("#dd2e44")(),
  h("rect", { x: 5, y: 8.3, width: 10, height: 3.4, rx: 0.8, fill: "#fff" }),
]);
DRAWN.set("🚫", () => [
  stroke("M4.8 4.8 15.2 15.2M10 17.2a7.2 7.2 0 1 0 0-14.4 7.2 7.2 0 0 0 0 14.4Z", "#dd2e44", 2.2),
]);
DRAWN.set("🛑", () => [h("path", { d: "M6.7 2h6.6L18 6.7v6.6L13.3 18H6.7L2 13.3V6.7Z", fill: "#dd2e44" })]);
DRAWN.set("⚠️", () => [
  h("path", {
    d: "M10 2.2 18.5 17.3h-17Z",
    fill: "#ffcc4d",
    stroke: "#e8ae2b",
    "stroke-linejoin": "round",
    "stroke-width": 1.2,
  }),
  stroke("M10 7.8v4.2M10 14.6v.01", "#3a2f0b", 1.9),
]);
DRAWN.set("⏳", () => [
  stroke("M5 2.5h10M5 17.5h10", "#b0694b", 2),
  h("path", { d: "M6 3.5h8c0 3.5-2.7 4.5-2.7 6.5s2.7 3 2.7 6.5H6c0-3.5 2.7-4.5 2.7-6.5S6 7 6 3.5Z", fill: "#cfe3f5" }),
  h("path", {
    d: "M7.3 6h5.4c-.7 1.5-2 2.3-2.3 3.5h-.8C9.3 8.3 8 7.5 7.3 6Zm-.8 10c.3-1.8 2-2.8 3.5-3s3.2 1.2 3.5 3Z",
    fill: "#f4900c",
  }),
]);
DRAWN.set("⌛", DRAWN.get("⏳"));
DRAWN.set("🚨", () => [
  h("path", { d: "M5 14.5V9.5a5 5 0 0 1 10 0v5Z", fill: "#dd2e44" }),
  h("rect", { x: 3.5, y: 14.5, width: 13, height: 3, rx: 1, fill: "#66757f" }),
  stroke("M10 1v1.3M3 4l1 .8M17 4l-1 .8M8 9.5a2 2 0 0 1 1.8-2", "#ff8f9c", 1.4),
]);
DRAWN.set("🔒", () => [
  stroke("M6.5 9V6.5a3.5 3.5 0 0 1 7 0V9", "#8899a6", 2),
  h("rect", { x: 4, y: 8.5, width: 12, height: 9, rx: 1.8, fill: "#ffac33" }),
]);
DRAWN.set("🔓", () => [
  stroke("M6.5 9V5.5a3.5 3.5 0 0 1 6.9-.9", "#8899a6", 2),
  h("rect", { x: 4, y: 8.5, width: 12, height: 9, rx: 1.8, fill: "#ffac33" }),
]);
DRAWN.set("⚡", () => [h("path", { d: "M11.5 1.5 4 11.5h5l-1 7 8-10.5h-5.5Z", fill: "#ffac33" })]);
DRAWN.set("👍", () => [
  h("path", {
    d: "M7 9.5c2-1.5 2.5-3.5 2.7-6 .1-1.4 2.8-1.2 2.8 1.5 0 1.2-.3 2.3-.6 3.2h4.2c1.7 0 1.9 1.7 1.2 2.3.8.6.6 1.9-.2 2.3.5.8.2 1.7-.6 2 .3.9-.3 1.9-1.6 1.9H10c-1.3 0-2.2-.5-3-1Z",
    fill: "#ffcc4d",
  }),
  h("rect", { x: 2.5, y: 9, width: 4, height: 8, rx: 1, fill: "#4a9ee8" }),
]);
DRAWN.set("🔑", () => [
  stroke("M9.7 10.3 16.5 3.5m-2.7 2.7 2.2 2.2", "#f4b400", 2.3),
  h("circle", { cx: 7, cy: 13, r: 3.2, fill: "none", stroke: "#f4b400", "stroke-width": 2.3 }),
]);

const names = new Map([...EMOJI].map(([name, character]) => [character, name]).reverse());
const PICTURE =
  /(?:\p{Regional_Indicator}{2}|[\d*#]\ufe0f?\u20e3|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic})[\ufe0f\u{1f3fb}-\u{1f3ff}]?(?:\u200d\p{Extended_Pictographic}[\ufe0f\u{1f3fb}-\u{1f3ff}]?)*)/gu;
const TEXTUAL = /^[©®™↔↕↖-↙✓✗⌘▪▫◾◽]$/u;

function picture(character, name) {
  const draw = DRAWN.get(character) || DRAWN.get(`${character}\ufe0f`);
  const label = name || names.get(character) || names.get(`${character}\ufe0f`);
  const title = label ? `:${label}:` : undefined;
  if (!draw)
    return h(
      "span",
      { class: "emoji", role: "img", "aria-label": label ? `${label.replaceAll("_", " ")} emoji` : character, title },
      character,
    );
  return h(
    "span",
    { class: "emoji drawn", role: "img", "aria-label": `${(label || "emoji").replaceAll("_", " ")} emoji`, title },
    // The character stays in the text, so that copying and reading the text find it.
    h("span", { class: "emoji-char", "aria-hidden": "true" }, character),
    h("svg", { viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" }, ...draw()),
  );
}

/** One emoji by its name, or the name as text where we do not know it. */
export function emojiNamed(name) {
  const plain = name.split("::")[0];
  const character = EMOJI.get(plain);
  return character ? picture(character, plain) : h("span", { class: "emoji-unknown", title: `:${name}:` }, `:${name}:`);
}

/** Text with its emoji characters (and, unless told otherwise, :shortcodes:) drawn. */
export function withEmoji(text, { shortcodes = true } = {}) {
  if (!text) return [];
  const pattern = shortcodes ? new RegExp(`:([a-z0-9_+'-]+(?:::skin-tone-\\d)?):|${PICTURE.source}`, "giu") : PICTURE;
  const out = [];
  let from = 0;
  for (const found of text.matchAll(pattern)) {
    const name = shortcodes ? found[1] : undefined;
    if (name !== undefined && !EMOJI.has(name.split("::")[0].toLowerCase())) continue;
    if (name === undefined && TEXTUAL.test(found[0])) continue;
    if (found.index > from) out.push(text.slice(from, found.index));
    out.push(name !== undefined ? emojiNamed(name.toLowerCase()) : picture(found[0]));
    from = found.index + found[0].length;
  }
  if (from < text.length) out.push(text.slice(from));
  return out;
}
