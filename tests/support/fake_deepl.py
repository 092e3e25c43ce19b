"""DeepL's API, version 2, as it is published: /v2/translate and /v2/languages."""

from support.fake_server import FakeServer, Refusal

SOURCES = {"DE", "EN", "ES", "FR", "IT", "PT", "ZH"}
TARGETS = {"DE", "EN-GB", "EN-US", "ES", "FR", "IT", "PT-BR", "PT-PT", "ZH-HANS"}


class FakeDeepL(FakeServer):
    def error(self, status, message):
        return {"message": message}

    def answer(self, asked):
        if asked.headers.get("authorization") != f"DeepL-Auth-Key {self.key}":
            raise Refusal(403, b"", {"Content-Type": "text/plain"})
        if (asked.method, asked.path) == ("POST", "/v2/translate"):
            return self._translate(asked.json), "application/json"
        if (asked.method, asked.path) == ("GET", "/v2/languages"):
            return self._languages(asked.query.get("type", "source")), "application/json"
        raise Refusal(404, self.error(404, "Not found"))

    def _translate(self, body):
        unknown = set(body) - {"text", "source_lang", "target_lang", "context"}
        if unknown or not isinstance(body["text"], list):
            raise Refusal(400, self.error(400, f"Value for '{unknown}' not supported."))
        if body["source_lang"] not in SOURCES:
            raise Refusal(400, self.error(400, "Value for 'source_lang' not supported."))
        if body["target_lang"] not in TARGETS:
            raise Refusal(400, self.error(400, "Value for 'target_lang' not supported."))
        return {"translations": [{"detected_source_language": body["source_lang"], "text": f"[{body['target_lang']}] {text}"}
                                 for text in body["text"]]}

    def _languages(self, kind):
        return [{"language": code, "name": code} for code in sorted(SOURCES if kind == "source" else TARGETS)]
