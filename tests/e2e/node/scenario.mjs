// The official OpenAI SDK for Node: one scenario a run, named by the first argument.
import OpenAI from "openai";

const [scenario] = process.argv.slice(2);
const client = new OpenAI({ baseURL: process.env.EP_BASE, apiKey: process.env.EP_KEY, maxRetries: 0, timeout: 30000 });
const ask = { model: "aurora-large", max_tokens: 50, messages: [{ role: "user", content: "Say something kind." }] };
const tools = [{ type: "function", function: { name: "weather",
  parameters: { type: "object", properties: { city: { type: "string" } } } } }];

function must(condition, what) {
  if (!condition) throw new Error(what);
}

const scenarios = {
  async chat() {
    const answer = await client.chat.completions.create(ask);
    must(answer.choices[0].message.content, "no content");
    must(answer.usage.total_tokens > 0, "no usage");
    must(answer._request_id?.startsWith("call_"), "no request id");
  },
  async stream() {
    let text = "", finish = null;
    for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
      must(chunk.choices.length > 0, "the usage chunk was not asked for");
      text += chunk.choices[0].delta.content ?? "";
      finish ??= chunk.choices[0].finish_reason;
    }
    must(text && finish, "no text or no finish reason");
  },
  async helper() {
    const stream = client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    must(final.choices[0].message.content, "no content");
    must(final.usage.total_tokens > 0, "no usage");
  },
  async tools() {
    const final = await client.chat.completions.stream({ ...ask, tools }).finalChatCompletion();
    must(final.choices[0].message.tool_calls[0].function.name === "weather", "no tool call");
  },
  async errors() {
    for (const [change, type] of [[{ model: "nothing" }, OpenAI.NotFoundError], [{ max_tokens: -1 }, OpenAI.BadRequestError]]) {
      try {
        await client.chat.completions.create({ ...ask, ...change });
        throw new Error("not refused");
      } catch (error) {
        must(error instanceof type, `${error}`);
      }
    }
  },
  async abort() {
    const stream = await client.chat.completions.create({ ...ask, stream: true });
    for await (const _ of stream) break;
    stream.controller.abort();
  },
  async twenty() {
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.chat.completions.create(ask)));
    must(answers.every((answer) => answer.choices[0].message.content), "one without content");
  },
};

await scenarios[scenario]();
