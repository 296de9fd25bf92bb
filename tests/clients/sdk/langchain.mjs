// LangChain's client for OpenAI.
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { base, key, model, must, notes, parameters, poor, refused, run } from "./lib.mjs";

const make = (more = {}) => new ChatOpenAI({ model, apiKey: key, maxTokens: 50, maxRetries: 0, configuration: { baseURL: base }, ...more });

await run({
  async chat() {
    const answer = await make().invoke("Say something kind.");
    must(answer.content && answer.usage_metadata.total_tokens > 0, JSON.stringify(answer));
  },
  async stream() {
    let text = "", usage = null;
    for await (const chunk of await make({ streamUsage: true }).stream("Say something kind.")) {
      text += chunk.content;
      usage = chunk.usage_metadata ?? usage;
    }
    must(text && usage?.output_tokens > 0, `${text} ${JSON.stringify(usage)}`);
  },
  async tools() {
    const bound = make({ maxTokens: undefined }).bindTools([{ type: "function", function: { name: "read_notes", description: "reads", parameters } }]);
    const messages = [new HumanMessage("What do the notes say?")];
    const first = await bound.invoke(messages);
    must(first.tool_calls[0].args.name === "today", JSON.stringify(first.tool_calls));
    messages.push(first, new ToolMessage({ content: "42", tool_call_id: first.tool_calls[0].id }));
    must((await bound.invoke(messages)).content === notes, "the task has not come to its end");
  },
  async errors() {
    await refused(() => make({ model: "none" }).invoke("x"), (error) => error.status === 404 || /does not exist/.test(error.message));
    await refused(() => make({ apiKey: "sk-ep-wrong" }).invoke("x"), (error) => error.status === 401 || /not valid/.test(error.message));
  },
  async credit() {
    await refused(() => make({ apiKey: poor, maxRetries: 2 }).invoke("x"), (error) => error.status === 429 || /credit/.test(error.message));
  },
  async cut() {
    await refused(async () => {
      for await (const _ of await make().stream("Say something kind."));
    }, (error) => /broke the answer off/.test(error.message));
  },
});
