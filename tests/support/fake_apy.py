"""Apertium APy's API, for what a real one cannot be made to do; tests/integration also runs a real one."""

from urllib.parse import parse_qs

from support.fake_server import FakeServer, Refusal


class FakeApy(FakeServer):
    def error(self, status, message):
        return {"status": "error", "code": status, "message": "Bad Request", "explanation": message}

    def answer(self, asked):
        if asked.path == "/listPairs":
            pairs = [{"sourceLanguage": "eng", "targetLanguage": "spa"}, {"sourceLanguage": "spa", "targetLanguage": "eng"}]
            return {"responseData": pairs, "responseDetails": None, "responseStatus": 200}, "application/json"
        if asked.path != "/translate":
            raise Refusal(404, self.error(404, "Resource requested does not exist. URL may have been mistyped"))
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if form["langpair"] not in ("en|es", "es|en"):
            raise Refusal(400, self.error(400, "That pair is not installed"))
        assert form["markUnknown"] == "no" and form["format"] == "txt"
        return {"responseData": {"translatedText": f"[{form['langpair']}] {form['q']}"}, "responseDetails": None,
                "responseStatus": 200}, "application/json"
