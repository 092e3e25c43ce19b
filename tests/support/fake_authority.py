"""An HTTP authority in the shape of MediaMTX's authHTTPAddress: who may do what, it is told."""

from support.fake_server import FakeServer, Refusal

FIELDS = {"ip", "user", "password", "token", "action", "path", "protocol", "id", "query"}


class FakeAuthority(FakeServer):
    """users: {user: password}, who may do anything; what else is asked for is refused with 401."""

    def __init__(self, users=None, **more):
        super().__init__(**more)
        self.users = users or {}

    def answer(self, asked):
        if asked.method != "POST" or asked.headers.get("content-type") != "application/json" or set(asked.json) != FIELDS:
            raise Refusal(400, self.error(400, "not a question of MediaMTX's"))
        question = asked.json
        if self.users.get(question["user"]) != question["password"] or not question["user"]:
            raise Refusal(401, self.error(401, "nobody knows you"))
        return b"", "text/plain"

    def questions(self):
        return [asked.json for asked in self.asked]
