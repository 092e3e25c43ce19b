/* rtmp/access.c: who may publish and play what: the keys, an authority elsewhere, and who gives way to whom. */
#include "rtmp/private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rtmp/path-name.h"

#include <string.h>

#define LOGGED_ONCE 1                  /* in a minute, of a kind; the rest are counted */
#define REMARKS     10                 /* likewise, of publishers whose path needs a remark */
#define ALIVE_NS    (2 * DUB_NS_PER_S) /* a publisher that was heard within this time has not lost its connection */

static const struct {
    const char *action, *refused, *unnamed;
} doors[] = {
    [DUB_RTMP_DOOR_PUBLISH] = { "publish", "NetStream.Publish.Denied", "NetStream.Publish.BadName" },
    [DUB_RTMP_DOOR_PLAY] = { "read", "NetStream.Play.Failed", "NetStream.Play.Failed" },
};

static void refuse(DubRtmpConnection *self, const char *code, const char *text)
{
    dub_rtmp_session_send_error(self, code, text);
    dub_rtmp_connection_close_gently(self);
}

void dub_rtmp_wish_clear(DubRtmpWish *self)
{
    g_free(self->asked);
    g_free(self->path);
    g_free(self->query);
    g_free(self->remark);
    *self = (DubRtmpWish){ 0 };
}

/* --- the door: a key, the authority --- */

static const char *wanted_key(const DubRtmpConnection *self)
{
    const DubRtmpServerConfig *config = &self->server->config;
    return self->wish.door == DUB_RTMP_DOOR_PUBLISH ? config->publish_key : config->play_key;
}

/* What others are told of a stream's query holds no secret: the key and what MediaMTX reads as credentials go. */
static void take_credentials(char **query, DubRtmpCredentials *credentials)
{
    credentials->key = dub_rtmp_query_take(query, "key");
    credentials->user = dub_rtmp_query_take(query, "user");
    credentials->password = dub_rtmp_query_take(query, "pass");
    credentials->token = dub_rtmp_query_take(query, "token");
    g_autofree char *jwt = dub_rtmp_query_take(query, "jwt");
    if (!credentials->token)
        credentials->token = g_steal_pointer(&jwt);
}

static void credentials_clear(DubRtmpCredentials *self)
{
    g_free(self->key);
    g_free(self->user);
    g_free(self->password);
    g_free(self->token);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DubRtmpCredentials, credentials_clear)

/* The URL's password, or its user where there is no password, stands for a key that the query lacks. */
static bool has_key(const DubRtmpConnection *self, const DubRtmpCredentials *sent)
{
    const char *wanted = wanted_key(self);
    const char *in_url = self->password ? self->password : self->user;
    return !wanted || dub_secret_is(sent->key ? sent->key : in_url, wanted);
}

static bool is_own(const DubRtmpConnection *self, const DubRtmpCredentials *sent)
{
    const char *own = self->server->config.own_key;
    return own && sent->key && dub_secret_is(sent->key, own);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* @query: as the peer wrote it, with all that is in it: the authority may look at any part of it. */
static void ask_authority(DubRtmpConnection *self, const DubRtmpCredentials *sent, const char *query)
{
    const DubRtmpServer *server = self->server;
    g_autofree char *address = dub_rtmp_connection_address(self);
    const bool in_query = sent->user || sent->password;
    const DubRtmpRequest request = {
        .id = self->id,
        .ip = address,
        .user = or_empty(in_query ? sent->user : self->user),
        .password = or_empty(in_query ? sent->password : self->password),
        .token = or_empty(sent->token),
        .action = doors[self->wish.door].action,
        .path = self->wish.path,
        .query = query,
    };
    dub_rtmp_connection_set_state(self, DUB_RTMP_ASKING);
    server->callbacks.on_ask(&request, server->user_data);
}

/* --- who gives way to whom --- */

static bool is_same_host(const DubRtmpConnection *one, const DubRtmpConnection *other)
{
    g_autofree char *first = dub_rtmp_connection_address(one), *second = dub_rtmp_connection_address(other);
    return strcmp(first, second) == 0;
}

/* Where nobody has to prove anything, the newer one may be anybody: it gets the path from its own host, which is an
 * encoder that has restarted, or from one that says nothing any more. */
static bool may_be_a_stranger(const DubRtmpConnection *self, const DubRtmpConnection *holder)
{
    return !self->is_proven && !is_same_host(self, holder) && dub_clock_now() - holder->media_ns < ALIVE_NS;
}

/* Returns: (nullable): why the publisher @holder stays; NULL: it gives way to @self */
static const char *why_it_stays(const DubRtmpConnection *self, const DubRtmpConnection *holder)
{
    const DubRtmpServer *server = self->server;
    if (self->is_own && holder->is_own)
        return NULL;
    if (holder->is_own ||
        (server->callbacks.is_owned && server->callbacks.is_owned(self->wish.path, server->user_data)))
        return "The path is in use by another publisher, which owns it.";
    if (server->config.keeps_publishers)
        return "The path is in use by another publisher; RTMP_OVERRIDE_PUBLISHER=1 would let you take over.";
    if (may_be_a_stranger(self, holder))
        return "The path is in use by another publisher, at another address, and no RTMP_PUBLISH_KEY tells who is who.";
    return NULL;
}

static void refuse_second(DubRtmpConnection *self, const DubRtmpConnection *holder, const char *why)
{
    if (dub_rtmp_server_may_log(self->server, "publishers refused: the path is in use"))
        dub_warning("rtmp: %s: %s is published already, by %s: refused: %s", self->peer, self->wish.path, holder->peer,
                    why);
    refuse(self, "NetStream.Publish.BadName", why);
}

static void log_take_over(const DubRtmpConnection *self, const DubRtmpConnection *holder)
{
    if (dub_log_limit_allows(self->server->log_limit, "publishers that took a path over", LOGGED_ONCE))
        dub_warning("rtmp: %s: %s takes over from %s, which is closed; RTMP_OVERRIDE_PUBLISHER=0 would refuse it",
                    self->wish.path, self->peer, holder->peer);
}

static void log_remark(const DubRtmpConnection *self)
{
    if (self->wish.remark && dub_log_limit_allows(self->server->log_limit, "publishers with a remark", REMARKS))
        dub_warning("rtmp: %s publishes %s: %s", self->peer, self->wish.path, self->wish.remark);
}

static void begin_publishing(DubRtmpConnection *self)
{
    DubRtmpPath *path = dub_rtmp_path_get(self->server, self->wish.path);
    const DubRtmpConnection *holder = path->publisher;
    const char *why = holder ? why_it_stays(self, holder) : NULL;
    if (why) {
        refuse_second(self, holder, why);
        return;
    }
    log_remark(self);
    dub_rtmp_session_publish_started(self, self->wish.remark ? self->wish.remark : self->wish.path);
    if (!holder) {
        dub_rtmp_path_publish(path, self, &self->wish);
        return;
    }
    log_take_over(self, holder);
    dub_rtmp_path_take_over(path, self, &self->wish);
}

static void grant(DubRtmpConnection *self)
{
    if (self->wish.door == DUB_RTMP_DOOR_PUBLISH)
        begin_publishing(self);
    else
        dub_rtmp_path_add_player(dub_rtmp_path_get(self->server, self->wish.path), self);
    dub_rtmp_wish_clear(&self->wish);
}

void dub_rtmp_access_answer(DubRtmpConnection *self, const char *refusal)
{
    g_return_if_fail(self->state == DUB_RTMP_ASKING);
    dub_rtmp_connection_set_state(self, DUB_RTMP_IDLE);
    if (!refusal) {
        self->is_proven = true;
        grant(self);
        return;
    }
    if (dub_log_limit_allows(self->server->log_limit, "refused by the authority", LOGGED_ONCE))
        dub_warning("rtmp: %s: %s: refused: %s", self->peer, self->wish.path, refusal);
    refuse(self, doors[self->wish.door].refused, refusal);
}

/* --- what the path is called here --- */

/* Returns: false when it cannot be, and then the peer has been told. */
static bool name_path(DubRtmpConnection *self)
{
    const DubRtmpServer *server = self->server;
    DubRtmpWish *wish = &self->wish;
    if (!server->callbacks.on_name)
        return true;
    const bool publishes = wish->door == DUB_RTMP_DOOR_PUBLISH;
    char *name = server->callbacks.on_name(wish->path, publishes, &wish->remark, server->user_data);
    if (!name) {
        if (dub_rtmp_server_may_log(self->server, "paths refused"))
            dub_warning("rtmp: %s: %s: refused: %s", self->peer, wish->path, wish->remark);
        refuse(self, doors[wish->door].unnamed, wish->remark);
        return false;
    }
    g_free(wish->path);
    wish->path = name;
    return true;
}

static void refuse_key(DubRtmpConnection *self)
{
    if (dub_log_limit_allows(self->server->log_limit, "refused for their key", LOGGED_ONCE))
        dub_warning("rtmp: %s: %s: refused: the key is wrong or missing", self->peer, self->wish.path);
    refuse(self, doors[self->wish.door].refused, "The key is wrong or missing: append ?key=... to the stream name.");
}

void dub_rtmp_access_request(DubRtmpConnection *self, DubRtmpDoor door, const char *key)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *query = NULL;
    char *path = dub_rtmp_path_name(self->app ? self->app : "", key, &query, &error);
    if (!path) {
        if (dub_rtmp_server_may_log(self->server, "paths refused"))
            dub_warning("rtmp: %s: %s", self->peer, error->message);
        refuse(self, doors[door].unnamed, error->message);
        return;
    }
    dub_rtmp_wish_clear(&self->wish);
    self->wish = (DubRtmpWish){ .door = door, .asked = g_strdup(path), .path = path, .query = g_strdup(query) };
    g_auto(DubRtmpCredentials) sent = { 0 };
    take_credentials(&self->wish.query, &sent);
    self->is_own = is_own(self, &sent);
    self->is_proven = self->is_own || (wanted_key(self) && has_key(self, &sent));
    if (!self->is_own && !has_key(self, &sent))
        refuse_key(self);
    else if (!name_path(self))
        return; /* it has been told */
    else if (self->server->callbacks.on_ask && !self->is_own)
        ask_authority(self, &sent, query);
    else
        grant(self);
}
