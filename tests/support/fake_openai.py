"""OpenAI's API as it is published and as others serve it: transcriptions, chat completions, speech, models; voices as
Kokoro-FastAPI and speaches list them."""

import io
import math
import struct
import wave

from support.fake_server import FakeServer, Refusal

RATE_HZ = 24000


def tone(seconds, rate_hz=RATE_HZ):
    """16 bit samples of 440 Hz."""
    return b"".join(struct.pack("<h", int(12000 * math.sin(2 * math.pi * 440 * i / rate_hz))) for i in range(int(seconds * rate_hz)))


def wav(samples, rate_hz=RATE_HZ):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples)
    return out.getvalue()


class FakeOpenAi(FakeServer):
    """segments: whether its recogniser gives any. strict: its chat model is one of those that refuse max_tokens and others.
    translations: {sentence: answer of the chat model}. voices: the answer of /v1/audio/voices, None for no such path."""

    def __init__(self, *arguments, segments=True, strict=False, translations=None, voices=None, heard=None, **more):
        super().__init__(*arguments, **more)
        self.segments, self.strict, self.voices = segments, strict, voices
        self.translations = translations or {}
        self.heard = heard or [(0.0, 1.2, " Good evening.", -0.1, 0.01), (1.2, 2.4, " Welcome to the game.", -0.2, 0.02)]
        self.usage = {"prompt_tokens": 100, "completion_tokens": 10}

    def error(self, status, message, param=None, code=None):
        return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}

    def _refuse(self, message, param, code="unsupported_value"):
        raise Refusal(400, self.error(400, message, param, code))

    def answer(self, asked):
        if self.key and asked.headers.get("authorization") != f"Bearer {self.key}":
            raise Refusal(401, self.error(401, "Incorrect API key provided: " + asked.headers.get("authorization", "")[7:19] +
                                          "****.", None, "invalid_api_key"))
        what = {("POST", "/v1/audio/transcriptions"): self._transcribe, ("POST", "/inference"): self._transcribe,
                ("POST", "/v1/chat/completions"): self._chat, ("POST", "/v1/audio/speech"): self._speak,
                ("GET", "/v1/models"): self._models, ("GET", "/v1/audio/voices"): self._voices}.get((asked.method, asked.path))
        if not what:
            raise Refusal(404, self.error(404, f"Invalid URL ({asked.method} {asked.path})"))
        return what(asked)

    # ---- recognition ----

    def _transcribe(self, asked):
        form = {name: value for name, value in asked.form.items()}
        unknown = set(form) - {"file", "model", "language", "prompt", "response_format", "temperature"}
        if unknown:
            self._refuse(f"Unrecognized request argument supplied: {unknown}", None)
        with wave.open(io.BytesIO(form["file"])) as sound:
            assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16000)
        text = "".join(segment[2] for segment in self.heard)
        if form["response_format"] == b"json":
            return {"text": text}, "application/json"
        if not self.segments:
            self._refuse("response_format 'verbose_json' is not compatible with model 'gpt-4o-transcribe'. Use 'json' or 'text' "
                         "instead.", "response_format")
        segments = [{"id": i, "seek": 0, "start": start, "end": end, "text": said, "tokens": [50364], "temperature": 0.0,
                     "avg_logprob": logprob, "compression_ratio": 1.1, "no_speech_prob": no_speech}
                    for i, (start, end, said, logprob, no_speech) in enumerate(self.heard)]
        return {"task": "transcribe", "language": "english", "duration": 2.5, "text": text, "segments": segments}, "application/json"

    # ---- translation ----

    def _check_parameters(self, body):
        if self.strict and "max_tokens" in body:
            self._refuse("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                         "instead.", "max_tokens", "unsupported_parameter")
        if self.strict and "temperature" in body:
            self._refuse("Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is "
                         "supported.", "temperature")
        if self.strict and "stop" in body:
            self._refuse("Unsupported parameter: 'stop' is not supported with this model.", "stop", "unsupported_parameter")

    def _chat(self, asked):
        body = asked.json
        self._check_parameters(body)
        roles = [message["role"] for message in body["messages"]]
        assert roles[0] == "system" and roles[-1] == "user" and set(roles[1::2]) == {"user"}
        sentence = body["messages"][-1]["content"].split("Sentence: ")[-1]
        content = self.translations.get(sentence, "Buenas noches.")
        return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body.get("model", "default"),
                "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
                "usage": self.usage}, "application/json"

    # ---- speech ----

    def _speak(self, asked):
        body = asked.json
        for name in ("model", "input", "voice"):
            if not body.get(name):
                self._refuse(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
        if body["voice"] not in ("alloy", "coral", "ef_dora"):
            self._refuse(f"Input should be 'alloy' or 'coral', not '{body['voice']}'", "voice")
        samples = tone(0.05 * len(body["input"]) / body.get("speed", 1))
        if body["response_format"] == "pcm":
            return samples, "audio/pcm"
        return wav(samples), "audio/wav"

    # ---- lists ----

    def _models(self, _):
        return {"object": "list", "data": [{"id": "whisper-1", "object": "model"}]}, "application/json"

    def _voices(self, _):
        if self.voices is None:
            raise Refusal(404, self.error(404, "Invalid URL (GET /v1/audio/voices)"))
        return self.voices, "application/json"
