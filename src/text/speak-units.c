/* text/speak-units.c: how units and money are written; ICU knows how they are said. */
#include "text/speak-private.h"

#include <string.h>

/* The longer before those they begin with. */
static const DubSpeakUnit units[] = {
    { "km/h", "kilometer-per-hour", true },
    { "kmh", "kilometer-per-hour", true },
    { "kph", "kilometer-per-hour", true },
    { "mph", "mile-per-hour", true },
    { "mi/h", "mile-per-hour", true },
    { "m/s", "meter-per-second", true },
    { "km²", "square-kilometer", true },
    { "km2", "square-kilometer", true },
    { "m²", "square-meter", true },
    { "m2", "square-meter", false },
    { "m³", "cubic-meter", true },
    { "m3", "cubic-meter", false },
    { "cm²", "square-centimeter", true },
    { "cm³", "cubic-centimeter", true },
    { "cc", "cubic-centimeter", false },
    { "kms", "kilometer", true },
    { "km", "kilometer", true },
    { "mts", "meter", false },
    { "cm", "centimeter", true },
    { "mm", "millimeter", true },
    { "m", "meter", false },
    { "mi", "mile", false },
    { "yds", "yard", true },
    { "yd", "yard", true },
    { "ft", "foot", false },
    { "kgs", "kilogram", true },
    { "kg", "kilogram", true },
    { "mg", "milligram", true },
    { "gr", "gram", false },
    { "g", "gram", false },
    { "lbs", "pound", true },
    { "lb", "pound", true },
    { "oz", "ounce", true },
    { "ml", "milliliter", true },
    { "mL", "milliliter", true },
    { "cl", "centiliter", true },
    { "l", "liter", false },
    { "L", "liter", false },
    { "°C", "celsius", true },
    { "ºC", "celsius", true },
    { "° C", "celsius", false },
    { "º C", "celsius", false },
    { "℃", "celsius", true },
    { "°F", "fahrenheit", true },
    { "ºF", "fahrenheit", true },
    { "° F", "fahrenheit", false },
    { "℉", "fahrenheit", true },
    { "°", "degree", false },
    { "º", "degree", false },
    { "hrs", "hour", false },
    { "hr", "hour", false },
    { "hs", "hour", false },
    { "h", "hour", false },
    { "mins", "minute", false },
    { "min", "minute", false },
    { "secs", "second", false },
    { "sec", "second", false },
    { "seg", "second", false },
    { "ms", "millisecond", false },
    { "s", "second", false },
    { "kHz", "kilohertz", true },
    { "MHz", "megahertz", true },
    { "GHz", "gigahertz", true },
    { "Hz", "hertz", true },
    { "kWh", "kilowatt-hour", true },
    { "kW", "kilowatt", true },
    { "MW", "megawatt", true },
    { "W", "watt", false },
    { "V", "volt", false },
    { "kcal", "kilocalorie", true },
    { "cal", "calorie", false },
    { "hp", "horsepower", false },
    { "rpm", "revolution-per-minute", true },
    { "dB", "decibel", true },
    { "kB", "kilobyte", true },
    { "KB", "kilobyte", true },
    { "MB", "megabyte", true },
    { "GB", "gigabyte", true },
    { "TB", "terabyte", true },
    { "Mbps", "megabit-per-second", true },
    { "Gbps", "gigabit-per-second", true },
};

static const DubSpeakMoney moneys[] = {
    { "US$", "USD" }, { "MX$", "MXN" }, { "AU$", "AUD" }, { "CA$", "CAD" }, { "R$", "BRL" },  { "A$", "AUD" },
    { "C$", "CAD" },  { "$", "USD" },   { "€", "EUR" },   { "£", "GBP" },   { "¥", "JPY" },   { "₹", "INR" },
    { "₩", "KRW" },   { "₽", "RUB" }, { "₺", "TRY" },   { "₴", "UAH" },   { "USD", "USD" }, { "EUR", "EUR" },
    { "GBP", "GBP" }, { "JPY", "JPY" }, { "CHF", "CHF" }, { "MXN", "MXN" }, { "ARS", "ARS" }, { "BRL", "BRL" },
    { "CAD", "CAD" }, { "AUD", "AUD" }, { "COP", "COP" }, { "CLP", "CLP" }, { "PEN", "PEN" }, { "CNY", "CNY" },
    { "INR", "INR" },
};

/* Returns: whether what is written as @written ends there: no letter, digit or apostrophe goes on. */
static bool ends_there(const char *written, const char *after)
{
    const gunichar last = g_utf8_get_char(g_utf8_prev_char(written + strlen(written)));
    const gunichar next = g_utf8_get_char(after);
    if (next == '\'' || next == 0x2019)
        return !g_unichar_isalpha(g_utf8_get_char(g_utf8_next_char(after)));
    return !g_unichar_isalpha(last) || !(g_unichar_isalnum(next) || next == 0xb2 || next == 0xb3);
}

const DubSpeakUnit *dub_speak_find_unit(const char *p)
{
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
        if (g_str_has_prefix(p, units[i].written) && ends_there(units[i].written, p + strlen(units[i].written)))
            return &units[i];
    return NULL;
}

const DubSpeakMoney *dub_speak_find_money(const char *p)
{
    for (gsize i = 0; i < G_N_ELEMENTS(moneys); i++) {
        const char *after = p + strlen(moneys[i].written);
        if (g_str_has_prefix(p, moneys[i].written) && !(g_ascii_isalpha(after[-1]) && g_ascii_isalpha(*after)))
            return &moneys[i];
    }
    return NULL;
}

char *dub_speak_unit_name(DubSpeaker *self, const char *unit, double number)
{
    g_autofree char *skeleton = g_strconcat("unit/", unit, NULL);
    return dub_spell_unit(self->spell, skeleton, number);
}

static bool is_singular(const DubSpeaker *self, double number)
{
    return g_str_equal(self->language->code, "fr") ? number < 2 : number == 1;
}

char *dub_speak_money_name(DubSpeaker *self, const DubSpeakMoney *money, double number)
{
    const int several = is_singular(self, number) ? 0 : 1;
    if (g_str_equal(money->code, "USD"))
        return g_strdup(self->language->dollar[several]);
    if (g_str_equal(money->code, "GBP"))
        return g_strdup(self->language->pound[several]);
    g_autofree char *skeleton = g_strconcat("currency/", money->code, NULL);
    char *name = dub_spell_unit(self->spell, skeleton, number);
    if (name && g_str_equal(money->written, "R$") && g_str_equal(self->language->code, "pt"))
        name[strcspn(name, " ")] = '\0'; /* at home they are just "reais" */
    if (!name || g_str_equal(self->language->code, "de"))
        return name;
    char *lower = g_utf8_strdown(name, -1); /* ICU's Portuguese has "Euros" */
    g_free(name);
    return lower;
}
