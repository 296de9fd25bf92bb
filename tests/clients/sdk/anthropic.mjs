// The official Anthropic SDK for Node.
import { base, hello, key, model, must, notes, parameters, poor, receipted, refused, run, until } from "./lib.mjs";
import Anthropic from "@anthropic-ai/sdk";

let sent = 0;
const counting = (...words) => (sent++, fetch(...words));
const client = new Anthropic({ baseURL: base.replace(/\/v1$/, ""), apiKey: key, timeout: 30000, fetch: counting });
const ask = { model, max_tokens: 50, messages: hello };
const task = { model, max_tokens: 500, messages: [{ role: "user", content: "What do the notes say?" }],
  tools: [{ name: "read_notes", description: "reads", input_schema: parameters }] };

const told = (message) => receipted(message.id.replace("msg_", "call_"), message.usage.input_tokens +
  message.usage.cache_read_input_tokens + message.usage.cache_creation_input_tokens, message.usage.output_tokens);

await run({
  async chat() {
    const message = await client.messages.create({ ...ask, system: "Be kind." });
    must(message.content[0].text && message.stop_reason === "end_turn", "no text");
    must(message._request_id.startsWith("call_"), `no id: ${message._request_id}`);
    await told(message);
  },
  async stream() {
    const kinds = [];
    for await (const event of await client.messages.create({ ...ask, stream: true })) kinds.push(event.type);
    must(kinds[0] === "message_start" && kinds.at(-1) === "message_stop", `${kinds}`);
  },
  async helper() {
    const stream = client.messages.stream(ask);
    let text = "";
    stream.on("text", (piece) => (text += piece));
    const message = await stream.finalMessage();
    must(text && message.content[0].text === text, text);
    await told(message);
  },
  async tools() {
    for (const stream of [false, true]) {
      const next = (more) => stream ? client.messages.stream({ ...task, ...more }).finalMessage()
        : client.messages.create({ ...task, ...more });
      const first = await next({});
      const call = first.content.find((block) => block.type === "tool_use");
      must(first.stop_reason === "tool_use" && call.input.name === "today", JSON.stringify(first.content));
      const last = await next({ messages: [...task.messages, { role: "assistant", content: first.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "42" }] }] });
      must(last.content[0].text === notes, "the task has not come to its end");
    }
  },
  async count() {
    const counted = await client.messages.countTokens({ model, messages: hello });
    must(counted.input_tokens === (await client.messages.create(ask)).usage.input_tokens, `${counted.input_tokens}`);
  },
  async models() {
    const names = [];
    for await (const one of client.models.list()) names.push(one.id);
    must(names.includes(model) && (await client.models.retrieve(model)).id === model, `${names}`);
  },
  async errors() {
    await refused(() => client.messages.create({ ...ask, model: "none" }),
      (error) => error instanceof Anthropic.NotFoundError && error.requestID);
    await refused(() => client.messages.create({ ...ask, max_tokens: -1 }),
      (error) => error instanceof Anthropic.BadRequestError && error.message.includes("max_tokens"));
    await refused(() => client.withOptions({ apiKey: "sk-ep-wrong" }).models.list(),
      (error) => error instanceof Anthropic.AuthenticationError);
  },
  async batches() {
    const begun = await client.messages.batches.create({ requests: [0, 1].map((n) => ({ custom_id: `ask-${n}`, params: ask })) });
    const batch = await until(() => client.messages.batches.retrieve(begun.id), (one) => one.processing_status === "ended");
    must(batch.request_counts.succeeded === 2, JSON.stringify(batch));
    const names = [];
    for await (const one of await client.messages.batches.results(batch.id)) {
      must(one.result.type === "succeeded" && one.result.message.content[0].text, JSON.stringify(one));
      names.push(one.custom_id);
    }
    must(names.sort().join() === "ask-0,ask-1", `${names}`);
    must((await client.messages.batches.delete(batch.id)).type === "message_batch_deleted", "not deleted");
  },
  async credit() {
    sent = 0;
    await refused(() => client.withOptions({ apiKey: poor, fetch: counting }).messages.create(ask),
      (error) => error.status === 402 && error.error.error.type === "billing_error");
    must(sent === 1, `sent ${sent} times: nothing changes by sending it again`);
  },
  async cut() {
    await refused(async () => {
      for await (const _ of await client.messages.create({ ...ask, stream: true }));
    }, (error) => error instanceof Anthropic.APIError);
  },
});
