// The official OpenAI SDK for Node, realtime sessions by WebSocket over TLS; the first argument says which major: openai or openai6.
import { base, key, must, notes, parameters, poor, receipted, run } from "./lib.mjs";

const { default: OpenAI } = await import(process.argv[2]);
const { OpenAIRealtimeWS } = await import(`${process.argv[2]}/realtime/ws`);
const client = new OpenAI({ baseURL: base, apiKey: key });
const voice = "aurora-voice";
const text = { type: "realtime", output_modalities: ["text"] };

// A session, and a way to wait for its next event of a kind; an error that nobody waits for is one here.
function open(from = client, model = voice) {
  const rt = new OpenAIRealtimeWS({ model }, from);
  const events = [];
  let at = 0, wanted = null, settle = null, broken = null;
  const look = () => {
    if (wanted === null) return;
    for (; at < events.length; at++) {
      if (events[at].type === wanted) {
        wanted = null;
        settle.resolve(events[at++]);
        return;
      }
    }
    if (broken) settle.reject(broken);
  };
  rt.on("event", (event) => {
    if (event.type === "error" && wanted !== "error") broken = new Error(JSON.stringify(event));
    events.push(event);
    look();
  });
  rt.on("error", (error) => {
    if (error.error === undefined || error.error === null) broken = error; // of the connection: events come as such
    look();
  });
  rt.socket.on("unexpected-response", (_, response) => {
    broken = Object.assign(new Error("refused"), { status: response.statusCode });
    look();
  });
  rt.socket.on("close", () => {
    broken ??= new Error("closed");
    look();
  });
  rt.until = (kind) => new Promise((resolve, reject) => {
    settle = { resolve, reject };
    wanted = kind;
    look();
  });
  rt.events = events;
  return rt;
}

async function ask(rt, words, more = {}) {
  rt.send({ type: "session.update", session: { ...text, ...more } });
  rt.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text: words }] } });
  rt.send({ type: "response.create" });
  return rt.until("response.done");
}

async function paid(done) {
  const { usage } = done.response;
  await receipted(done.entrepot.call, usage.input_tokens, usage.output_tokens);
  return usage;
}

await run({
  async chat() {
    const rt = open();
    must((await rt.until("session.created")).session.model === voice, "another model");
    const done = await ask(rt, "Say something kind.");
    const words = rt.events.filter(({ type }) => type === "response.output_text.delta").map(({ delta }) => delta).join("");
    must(words && done.response.output[0].content[0].text === words, words);
    await paid(done);
    rt.close();
  },
  async stream() {
    const rt = open();
    await rt.until("session.created");
    rt.send({ type: "response.create" });
    const usage = await paid(await rt.until("response.done"));
    const of = (kind) => rt.events.filter(({ type }) => type === kind).map(({ delta }) => delta);
    const sound = of("response.output_audio.delta").reduce((all, delta) => all + Buffer.from(delta, "base64").length, 0);
    const said = of("response.output_audio_transcript.delta").join("");
    must(said && sound === 2880 * said.length, `${sound} of "${said}"`);
    must(usage.output_token_details.audio_tokens === Math.floor(sound / 2400), JSON.stringify(usage));
    rt.close();
  },
  async tools() {
    const rt = open();
    await rt.until("session.created");
    const done = await ask(rt, "What do the notes say?", { tools: [{ type: "function", name: "read_notes", parameters }] });
    const [call] = done.response.output;
    must(call.type === "function_call" && call.name === "read_notes" && JSON.parse(call.arguments).name === "today", JSON.stringify(call));
    await paid(done);
    rt.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id: call.call_id, output: "42" } });
    rt.send({ type: "response.create" });
    const last = await rt.until("response.done");
    must(last.response.output[0].content[0].text === notes, JSON.stringify(last));
    await paid(last);
    rt.close();
  },
  async errors() {
    const rt = open();
    await rt.until("session.created");
    rt.send({ type: "response.cancel", event_id: "mine" });
    const { error } = await rt.until("error");
    must(error.code === "response_cancel_not_active" && error.event_id === "mine", JSON.stringify(error));
    await ask(rt, "Say something kind.");
    rt.close();
  },
  async unserved() {
    for (const [status, apiKey, model] of [[401, "sk-nobody", voice], [429, poor, voice], [404, key, "nobody"], [400, key, "aurora-large"]]) {
      const rt = open(new OpenAI({ baseURL: base, apiKey }), model);
      const why = await rt.until("session.created").catch((error) => error);
      must(why.status === status, `${status} was ${why.status}: ${why.message}`);
    }
  },
});
