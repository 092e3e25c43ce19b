/* text/speak-address.c: addresses of the Web and of mail. The scheme and "www" are not said, nor what follows
 * a question mark or a number sign: nobody could write it down. */
#include "text/speak-private.h"

#include <string.h>

/* Last labels that no sentence without a space after its full stop ends in by chance. */
static const char top_labels[] =
    "com org net info edu gov gob tv io es mx ar cl pe fr de it pt br uk eu us ca ch at be nl app dev ai "
    "fm gg cat live news online shop club";

static bool is_label_char(char c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '_';
}

/* Returns: the end of "example.com" at @p, or NULL: it has no dot, or none of the last labels we know unless
 * @any. */
static const char *host_end(const char *p, bool any)
{
    const char *end = p, *last = NULL;
    while (is_label_char(*end)) {
        const char *label = end;
        while (is_label_char(*end))
            end++;
        last = label > p ? label : NULL;
        if (*end != '.' || !is_label_char(end[1]))
            break;
        end++;
    }
    if (!last || g_unichar_isalpha(g_utf8_get_char(end)))
        return NULL;
    g_autofree char *label = g_strndup(last, (gsize) (end - last));
    if (strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(label) || strlen(label) < 2)
        return NULL;
    return any || dub_speak_words_have(top_labels, label) ? end : NULL;
}

/* Returns: the end of the path after a host: without the marks that end a sentence. */
static const char *path_end(const char *p)
{
    const char *end = p;
    while (*p && (strchr("/.~%+", *p) || is_label_char(*p) || dub_speak_is_word_char(g_utf8_get_char(p)))) {
        const bool stop = *p == '.';
        p = g_utf8_next_char(p);
        if (!stop)
            end = p;
    }
    return end;
}

static const char *query_end(const char *p)
{
    if (*p != '?' && *p != '#')
        return p;
    const char *end = p;
    for (; g_ascii_isgraph(*p) && !strchr("\"'<>()", *p); p++)
        if (!strchr(".,;:!?", *p))
            end = p + 1;
    return end;
}

static void say_run(DubSpeaker *self, const char *start, const char *end)
{
    DubSpeakNumber number;
    const gsize length = (gsize) (end - start);
    if (g_ascii_isdigit(*start) && length <= 4 && *start != '0' && dub_speak_read(self, start, &number)) {
        g_autofree char *digits = g_strndup(start, length);
        dub_speak_say_number(self, g_ascii_strtoll(digits, NULL, 10), DUB_SPELL_PLAIN);
    } else if (g_ascii_isdigit(*start)) {
        dub_speak_say_digits(self, start, end);
    } else {
        g_autofree char *letters = g_strndup(start, length);
        dub_speak_say(self, letters);
    }
}

static const char *mark_name(const DubSpeakLanguage *language, char mark)
{
    switch (mark) {
    case '.': return language->dot;
    case '/': return language->slash;
    case '-': return language->hyphen;
    case '_': return language->underscore;
    case '@': return language->at;
    case '+': return language->plus;
    case '%': return language->percent;
    default: return "";
    }
}

static bool is_letter_byte(char c)
{
    return g_ascii_isalpha(c) || (guchar) c >= 0x80;
}

static void say_address(DubSpeaker *self, const char *start, const char *end)
{
    for (const char *p = start; p < end;) {
        const bool digits = g_ascii_isdigit(*p), letters = is_letter_byte(*p);
        const char *run = p++;
        while (p < end && ((digits && g_ascii_isdigit(*p)) || (letters && is_letter_byte(*p))))
            p++;
        if (digits || letters)
            say_run(self, run, p);
        else
            dub_speak_say(self, mark_name(self->language, *run));
    }
}

/* Returns: the end of the part of a mail address before its @, or NULL. */
static const char *mailbox_end(const char *p)
{
    const char *end = p;
    while (is_label_char(*end) || *end == '.' || *end == '+' || *end == '%')
        end++;
    return end > p && *end == '@' ? end : NULL;
}

static gsize scheme_length(const char *p)
{
    return g_ascii_strncasecmp(p, "https://", 8) == 0 ? 8 : g_ascii_strncasecmp(p, "http://", 7) == 0 ? 7 : 0;
}

bool dub_speak_address(DubSpeaker *self)
{
    const gunichar before = dub_speak_char_before(self, self->at);
    const bool goes_on = before && before < 0x80 && strchr("@.-_+%", (int) before);
    if (goes_on || g_unichar_isalnum(before) || g_unichar_ismark(before))
        return false;
    const char *mailbox = mailbox_end(self->at);
    const char *mail = mailbox ? host_end(mailbox + 1, true) : NULL;
    if (mail) {
        say_address(self, self->at, mail);
        self->at = mail;
        return true;
    }
    const gsize scheme = scheme_length(self->at);
    const char *host = self->at + scheme;
    const bool www = g_ascii_strncasecmp(host, "www.", 4) == 0;
    host += www ? 4 : 0;
    const char *end = host_end(host, scheme > 0 || www);
    if (!end)
        return false;
    const gsize port = *end == ':' ? strspn(end + 1, "0123456789") : 0;
    end += port ? port + 1 : 0;
    const char *path = path_end(end);
    say_address(self, host, path == end + 1 ? end : path); /* a slash that ends all is not said */
    self->at = query_end(path);
    return true;
}
