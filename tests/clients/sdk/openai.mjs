// The official OpenAI SDK for Node; the first argument says which major: openai or openai6.
import { base, hello, key, model, must, notes, parameters, poor, receipted, refused, run, until } from "./lib.mjs";

const { default: OpenAI, toFile } = await import(process.argv[2]);
let sent = 0;
const counting = (...words) => (sent++, fetch(...words));
const client = new OpenAI({ baseURL: base, apiKey: key, timeout: 30000, fetch: counting });
const ask = { model, max_tokens: 50, messages: hello };
const task = { model, messages: [{ role: "user", content: "What do the notes say?" }] };

await run({
  async chat() {
    const answer = await client.chat.completions.create(ask);
    must(answer.choices[0].message.content, "no content");
    await receipted(answer._request_id, answer.usage.prompt_tokens, answer.usage.completion_tokens);
  },
  async stream() {
    let text = "", finish = null, usage = null;
    const stream = await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      finish ??= chunk.choices[0]?.finish_reason;
      usage = chunk.usage ?? usage;
    }
    must(text && finish && usage.total_tokens > 0, `${text} ${finish}`);
  },
  async helper() {
    const final = await client.chat.completions.stream(ask).finalChatCompletion();
    must(final.choices[0].message.content && final.choices[0].finish_reason, "not whole");
  },
  async tools() {
    for (const stream of [false, true]) {
      let read = null;
      const runner = client.chat.completions.runTools({ ...task, stream, tools: [{ type: "function", function: {
        name: "read_notes", description: "reads", parameters, parse: JSON.parse,
        function: ({ name }) => ((read = name), "42") } }] });
      must((await runner.finalContent()) === notes, "the task has not come to its end");
      must(read === "today", `called with ${read}`);
    }
  },
  async responses() {
    const answer = await client.responses.create({ model, input: "Say something kind.", max_output_tokens: 50 });
    must(answer.output_text && answer.status === "completed", "no text");
    await receipted(answer._request_id, answer.usage.input_tokens, answer.usage.output_tokens);
    const input = [{ role: "user", content: "What do the notes say?" }];
    const tools = [{ type: "function", name: "read_notes", description: "reads", parameters, strict: false }];
    const first = await client.responses.stream({ model, input, tools }).finalResponse();
    const call = first.output.find((item) => item.type === "function_call");
    must(JSON.parse(call.arguments).name === "today", call.arguments);
    const output = { type: "function_call_output", call_id: call.call_id, output: "42" };
    const last = await client.responses.stream({ model, tools, input: [...input, ...first.output, output] }).finalResponse();
    must(last.output_text === notes, "the task has not come to its end");
  },
  async models() {
    const names = [];
    for await (const one of client.models.list()) names.push(one.id);
    must(names.includes(model) && (await client.models.retrieve(model)).id === model, `${names}`);
  },
  async errors() {
    await refused(() => client.chat.completions.create({ ...ask, model: "none" }),
      (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found" && error.requestID);
    await refused(() => client.chat.completions.create({ ...ask, max_tokens: -1 }),
      (error) => error instanceof OpenAI.BadRequestError && error.param === "max_tokens");
    await refused(() => client.withOptions({ apiKey: "sk-ep-wrong" }).models.list(),
      (error) => error instanceof OpenAI.AuthenticationError);
    await refused(() => client.post("/fine_tuning/jobs", { body: {} }),
      (error) => error instanceof OpenAI.NotFoundError && error.code === "unknown_path");
  },
  async batches() {
    const asks = [0, 1].map((n) => JSON.stringify({ custom_id: `ask-${n}`, method: "POST", url: "/v1/chat/completions", body: ask }));
    const file = await client.files.create({ file: await toFile(Buffer.from(asks.join("\n")), "asks.jsonl"), purpose: "batch" });
    const begun = await client.batches.create({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" });
    const batch = await until(() => client.batches.retrieve(begun.id), (one) => one.status === "completed");
    must(batch.request_counts.completed === 2 && batch.request_counts.failed === 0, JSON.stringify(batch));
    const text = await (await client.files.content(batch.output_file_id)).text();
    const results = text.trim().split("\n").map((one) => JSON.parse(one));
    must(results.map((one) => one.custom_id).sort().join() === "ask-0,ask-1", text);
    const { body, request_id: call } = results[0].response;
    await receipted(call, body.usage.prompt_tokens, body.usage.completion_tokens);
    must((await client.files.delete(file.id)).deleted, "not deleted");
  },
  async credit() {
    sent = 0;
    await refused(() => client.withOptions({ apiKey: poor, fetch: counting }).chat.completions.create(ask),
      (error) => error instanceof OpenAI.RateLimitError && error.code === "insufficient_quota");
    must(sent === 1, `sent ${sent} times: nothing changes by sending it again`);
  },
  async cut() {
    await refused(async () => {
      for await (const _ of await client.chat.completions.create({ ...ask, stream: true }));
    }, (error) => error instanceof OpenAI.APIError && error.code === "upstream_cut");
  },
});
