"""ElevenLabs' API as it is published: /v1/text-to-speech/{voice_id} and /v1/voices."""

from support.fake_openai import tone
from support.fake_server import FakeServer, Refusal

VOICES = [("21m00Tcm4TlvDq8ikWAM", "Rachel", {"gender": "female", "language": "en"}),
          ("pNInz6obpgDQGcFmaJgB", "Adam - deep", {"gender": "male"})]


class FakeElevenLabs(FakeServer):
    def error(self, status, message, code="invalid_request"):
        return {"detail": {"status": code, "message": message}}

    def answer(self, asked):
        if asked.headers.get("xi-api-key") != self.key:
            raise Refusal(401, self.error(401, "Invalid API key", "invalid_api_key"))
        if (asked.method, asked.path) == ("GET", "/v1/voices"):
            voices = [{"voice_id": id_, "name": name, "labels": labels, "category": "premade"} for id_, name, labels in VOICES]
            return {"voices": voices}, "application/json"
        if asked.method == "POST" and asked.path.startswith("/v1/text-to-speech/"):
            return self._speak(asked, asked.path.rsplit("/", 1)[1])
        raise Refusal(404, {"detail": "Not Found"})

    def _speak(self, asked, voice):
        body = asked.json
        if voice not in [id_ for id_, *_ in VOICES]:
            raise Refusal(404, self.error(404, f"A voice with voice_id {voice} was not found.", "voice_not_found"))
        if "language_code" in body and "v2_5" not in body["model_id"]:
            raise Refusal(400, self.error(400, f"Model '{body['model_id']}' does not support the language_code parameter",
                                          "unsupported_language"))
        speed = body.get("voice_settings", {}).get("speed", 1)
        if not 0.7 <= speed <= 1.2:
            raise Refusal(422, {"detail": [{"loc": ["body", "voice_settings", "speed"], "msg": "between 0.7 and 1.2"}]})
        kind, rate_hz = asked.query["output_format"].split("_")
        assert kind == "pcm"
        return tone(0.05 * len(body["text"]) / speed, int(rate_hz)), "audio/pcm"
