"""Random chat requests, of the shapes that clients send and with the texts that break counting."""

import json

WORDS = ["hello", " world", "\n", "\n\n", "  ", "\t", "你好", "é", "e\u0301", "😀", "\u3000", "\u00a0", "'s", "123456", "<think>",
         "</think>", "<tool_response>", "</tool_response>", "\\", "\\n", '"', "/", "</", ">", "def f():\n    return 1",
         "Zürich.", "\u2028", "\x1f", "a", "the quick brown fox", " jumps", "<arg_key>"]
NAMES = ["ab", "c_", "X", "y1"]


class Chats:
    """`shape`: what a family's template takes. alternates: roles must; calls: how many at once; think: knows
    reasoning_content; late: system messages may come later; tools: it renders them; types: by their types."""

    def __init__(self, random, shape):
        self.random, self.shape = random, shape

    def text(self, low=0, high=8):
        return "".join(self.random.choice(WORDS) for _ in range(self.random.randint(low, high)))

    def name(self):
        return "".join(self.random.choice(NAMES) for _ in range(self.random.randint(1, 5)))

    def value(self, depth=0):
        kind = self.random.randint(0, 7 if depth < 3 else 4)
        if kind == 0:
            return self.random.choice([True, False, None])
        if kind == 1:
            return self.random.randint(-10**9, 10**9)
        if kind == 2:
            return self.random.choice([0.5, 1.25, 3.0, -2.75, 0.001])
        if kind < 5:
            return self.text(0, 3)
        if kind == 5:
            return [self.value(depth + 1) for _ in range(self.random.randint(0, 3))]
        return {self.text(0, 2) + self.name(): self.value(depth + 1) for _ in range(self.random.randint(0, 3))}

    def kind(self):
        """A parameter of another type than the plain ones, or with more about it."""
        return self.random.choice([
            {"type": "string", "enum": self.random.sample(["a", "b c", "d\"e"], 2), "default": "a"},
            {"type": "boolean", "description": self.text(0, 3), "default": True},
            {"type": "array", "items": {"type": "integer"}},
            {"type": "object", "properties": {"q": {"type": "string", "description": self.text(0, 3)}}},
        ])

    def tool(self):
        names = {self.name() for _ in range(self.random.randint(0, 3))}
        properties = {name: {"type": self.random.choice(["string", "integer", "number"]),
                             "description": self.text(0, 4)} for name in sorted(names)}
        if self.shape.get("types"):
            properties.update({name: self.kind() for name in sorted(names) if self.random.random() < 0.5})
        schema = {"type": "object", "properties": properties, "required": sorted(names)[:1]}
        if self.random.random() < 0.4:
            schema["x"] = self.value()
        function = {"name": self.name(), "description": self.text(0, 5), "parameters": schema}
        return {"type": "function", "function": function}

    def call(self):
        arguments = {self.name(): self.value() for _ in range(self.random.randint(0, 3))}
        text = json.dumps(arguments, ensure_ascii=self.random.random() < 0.5, indent=self.random.choice([None, None, 2]))
        return {"id": "".join(self.random.choice("abcdef123") for _ in range(9)), "type": "function",
                "function": {"name": self.name(), "arguments": text}}

    def answer(self):
        message = {"role": "assistant", "content": self.text(self.shape.get("answer", 0))}
        if self.shape.get("think") and self.random.random() < 0.3:
            message["reasoning_content"] = self.text()
        return message

    def called(self):
        calls = [self.call() for _ in range(self.random.randint(1, self.shape["calls"]))]
        message = {"role": "assistant", "content": self.shape.get("beside", None), "tool_calls": calls}
        if message["content"] == "text":
            message["content"] = "" if self.random.random() < 0.5 else self.text()
        if self.shape.get("think") and self.random.random() < 0.5:
            message["reasoning_content"] = self.text()
        results = []
        for call in calls:
            content = json.dumps(self.value()) if self.random.random() < 0.3 else self.text(self.shape.get("answer", 0))
            results.append({"role": "tool", "tool_call_id": call["id"], "content": content})
        return [message, *results]

    def request(self):
        messages = [{"role": "system", "content": self.text()}] if self.random.random() < 0.5 else []
        turns = self.random.randint(1, 4)
        for turn in range(turns):
            messages.append({"role": "user", "content": self.text()})
            last = turn == turns - 1
            if last and (self.random.random() < 0.7 or self.shape.get("user_last")):
                break
            if self.shape.get("calls") and self.random.random() < 0.5:
                messages += self.called()
            messages.append(self.answer())
        if self.shape.get("late") and self.random.random() < 0.1:
            messages.append({"role": "system", "content": self.text()})
        body = {"model": "x", "messages": messages}
        if self.shape.get("tools") and self.random.random() < 0.4:
            body["tools"] = [self.tool() for _ in range(self.random.randint(1, 3))]
        if self.shape.get("think") and self.random.random() < 0.2:
            body["chat_template_kwargs"] = {"enable_thinking": False}
        return body

    def json(self, body):
        """Its bytes, written as differently as clients do."""
        text = json.dumps(body, ensure_ascii=self.random.random() < 0.5, indent=self.random.choice([None, 2]))
        return (text.replace("/", "\\/") if self.random.random() < 0.3 else text).encode()
