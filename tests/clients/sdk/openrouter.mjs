// OpenRouter's SDK, which checks the shape of all that it is told.
import { OpenRouter } from "@openrouter/sdk";
import { base, hello, key, model, must, notes, parameters, poor, receipted, refused, run } from "./lib.mjs";

const serverURL = base.replace("/v1", "/api/v1");
const client = new OpenRouter({ serverURL, apiKey: key });
const broke = new OpenRouter({ serverURL, apiKey: poor });
const send = (more, from = client) => from.chat.send({ chatRequest: { model, maxTokens: 50, messages: hello, ...more } });

await run({
  async chat() {
    const answer = await send({});
    must(answer.choices[0].message.content, "no content");
    must(answer.usage.totalTokens > 0, "no usage");
  },
  async stream() {
    let text = "", finish = null;
    for await (const chunk of await send({ stream: true })) {
      text += chunk.choices[0]?.delta.content ?? "";
      finish ??= chunk.choices[0]?.finishReason;
    }
    must(text && finish, `${text} ${finish}`);
  },
  async tools() {
    const tools = [{ type: "function", function: { name: "read_notes", description: "reads", parameters } }];
    const messages = [{ role: "user", content: "What do the notes say?" }];
    const first = await send({ messages, tools, maxTokens: undefined });
    const call = first.choices[0].message.toolCalls[0];
    must(JSON.parse(call.function.arguments).name === "today", call.function.arguments);
    messages.push({ role: "assistant", toolCalls: [call] }, { role: "tool", toolCallId: call.id, content: "42" });
    const last = await send({ messages, tools, maxTokens: undefined });
    must(last.choices[0].message.content === notes, last.choices[0].message.content);
  },
  async models() {
    const { result } = { result: await client.models.list() };
    const found = (result.data ?? result.result?.data ?? []).find((one) => one.id === model);
    must(found && Number(found.pricing.prompt) > 0, JSON.stringify(result).slice(0, 300));
  },
  async credits() {
    const { data } = await client.credits.getCredits();
    must(data.totalCredits > 0, JSON.stringify(data));
  },
  async key() {
    const { data } = await client.apiKeys.getCurrentKeyMetadata();
    must(data.label && data.limit === null && data.usage > 0 && data.usageMonthly === data.usage, JSON.stringify(data));
    must(data.usageWeekly >= data.usageDaily && data.rateLimit.requests !== 0 && !data.isFreeTier, JSON.stringify(data));
  },
  async generation() {
    const answer = await fetch(`${base}/chat/completions`, { method: "POST", body: JSON.stringify({ model, messages: hello }),
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" } });
    const { usage } = await answer.json();
    const id = answer.headers.get("x-entrepot-call");
    await receipted(id, usage.prompt_tokens, usage.completion_tokens);
    const { data } = await client.generations.getGeneration({ id });
    must(data.id === id && data.tokensCompletion === usage.completion_tokens && data.totalCost > 0, JSON.stringify(data));
  },
  async errors() {
    await refused(() => send({ model: "none" }), (error) => error.constructor.name === "NotFoundResponseError" && error.error.code === 404);
    await refused(() => send({ maxTokens: 0, n: 0 }), (error) => error.constructor.name === "BadRequestResponseError" || error.name === "SDKValidationError");
    await refused(() => send({}, new OpenRouter({ serverURL, apiKey: "sk-ep-wrong" })),
      (error) => error.constructor.name === "UnauthorizedResponseError" && error.error.code === 401);
  },
  async credit() {
    await refused(() => send({}, broke), (error) => error.constructor.name === "PaymentRequiredResponseError" &&
      error.error.code === 402 && error.error.metadata.limit_source === "openrouter_credits");
  },
  async cut() {
    let last = null;
    for await (const chunk of await send({ stream: true })) last = chunk;
    must(last.error?.code === 502 && last.choices[0].finishReason === "error", JSON.stringify(last));
    must(last.error.metadata.errorType === "provider_unavailable", JSON.stringify(last));
  },
});
