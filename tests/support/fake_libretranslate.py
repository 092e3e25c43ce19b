"""LibreTranslate's API: /translate and /languages. With a key, every request must carry it in its body."""

from support.fake_server import FakeServer, Refusal

LANGUAGES = {"en": ["en", "es", "zh-Hans"], "es": ["en", "es"], "zh-Hans": ["en", "zh-Hans"]}
LISTED_AS = {"zh": "zh-Hans"}  # what is asked for by another code than its own


class FakeLibreTranslate(FakeServer):
    def answer(self, asked):
        if (asked.method, asked.path) == ("GET", "/languages"):
            return [{"code": code, "name": code, "targets": targets} for code, targets in LANGUAGES.items()], "application/json"
        if (asked.method, asked.path) != ("POST", "/translate"):
            raise Refusal(404, self.error(404, "Not found"))
        body = asked.json
        if self.key and body.get("api_key") != self.key:
            raise Refusal(403, self.error(403, "Invalid API key"))
        for name in ("q", "source", "target"):
            if not body.get(name):
                raise Refusal(400, self.error(400, f"Invalid request: missing {name} parameter"))
        for code in (body["source"], body["target"]):
            if LISTED_AS.get(code, code) not in LANGUAGES:
                raise Refusal(400, self.error(400, f"{code} is not supported"))
        return {"translatedText": f"[{body['target']}] {body['q']}"}, "application/json"
