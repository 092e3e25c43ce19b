/* text/speak-italian.c: how Italian is read aloud, beyond what ICU knows. */
#include "text/speak-language-private.h"

#include <stddef.h>

#define NAME   DUB_ABBREVIATION_NAME
#define NUMBER DUB_ABBREVIATION_NUMBER
#define END    DUB_ABBREVIATION_END

static const DubMagnitude magnitudes[] = {
    { "mila", "mila", "mila", true, true },
    { "milioni", "milione", "milioni", false, true },
    { "milione", "milione", "milioni", false, true },
    { "miliardi", "miliardo", "miliardi", false, true },
    { "miliardo", "miliardo", "miliardi", false, true },
    { "thousand", "mila", "mila", true, false },
    { "million", "milione", "milioni", false, false },
    { "billion", "miliardo", "miliardi", false, false },
    { "trillion", "bilione", "bilioni", false, false },
    { "mln", "milione", "milioni", false, false },
    { "mld", "miliardo", "miliardi", false, false },
    { "bn", "miliardo", "miliardi", false, true },
    { "M", "milione", "milioni", false, true },
    { "m", "milione", "milioni", false, true },
    { "B", "miliardo", "miliardi", false, true },
    { "K", "mila", "mila", true, true },
    { "k", "mila", "mila", true, false },
    { NULL, NULL, NULL, false, false },
};

static const char *const denominators[] = {
    "terzo", "quarto", "quinto", "sesto", "settimo", "ottavo", "nono", "decimo"
};

static const DubAbbreviation abbreviations[] = {
    { "sig.ra", "signora", 0 },
    { "sig.na", "signorina", 0 },
    { "sigg.", "signori", 0 },
    { "sig.", "signor", 0 },
    { "dott.ssa", "dottoressa", 0 },
    { "dott.", "dottor", 0 },
    { "dr.ssa", "dottoressa", 0 },
    { "dr.", "dottor", 0 },
    { "prof.ssa", "professoressa", 0 },
    { "prof.", "professor", 0 },
    { "avv.", "avvocato", NAME },
    { "ing.", "ingegner", NAME },
    { "arch.", "architetto", NAME },
    { "on.", "onorevole", NAME },
    { "geom.", "geometra", NAME },
    { "Gen.", "generale", NAME },
    { "p. es.", "per esempio", 0 },
    { "p.es.", "per esempio", 0 },
    { "ad es.", "ad esempio", 0 },
    { "es.", "esempio", 0 },
    { "ecc.", "eccetera", END },
    { "a.C.", "avanti Cristo", END },
    { "d.C.", "dopo Cristo", END },
    { "ca.", "circa", 0 },
    { "n°", "numero", NUMBER },
    { "nº", "numero", NUMBER },
    { "n.", "numero", NUMBER },
    { "nr.", "numero", NUMBER },
    { "No.", "numero", NUMBER },
    { "pagg.", "pagine", 0 },
    { "pag.", "pagina", 0 },
    { "cap.", "capitolo", NUMBER },
    { "art.", "articolo", NUMBER },
    { "vol.", "volume", NUMBER },
    { "tel.", "telefono", 0 },
    { "max.", "massimo", END },
    { "min.", "minuti", END },
    { "sec.", "secondi", END },
    { "pt.", "punti", END },
    { "vs.", "contro", 0 },
    { "vs", "contro", 0 },
    { "e/o", "e o", 0 },
    { NULL, NULL, 0 },
};

const DubSpeakLanguage dub_speak_italian = {
    .code = "it",
    .pairs = true,
    .comma = "virgola",
    .point = "punto",
    .minus = "meno",
    .plus = "più",
    .percent = "per cento",
    .number = "numero",
    .times = "per",
    .equals = "uguale a",
    .at = "chiocciola",
    .and = "e",
    .dot = "punto",
    .slash = "barra",
    .hyphen = "trattino",
    .underscore = "trattino basso",
    .about = "circa",
    .per = "al",
    .range = "a",
    .score = "a",
    .of = "di",
    .magnitudes = magnitudes,
    .date = "%d %m %y",
    .first_is_ordinal = true,
    .clock_at = "alle dalle ore le",
    .clock_join = "e",
    .clock_else = "e",
    .clock_full = "",
    .clock_nothing = "zero zero",
    .clock_word = "ore",
    .clock_suffix = "h",
    .am = "del mattino",
    .pm = "del pomeriggio",
    .evening = "di sera",
    .feminine_hours = true,
    .dollar = { "dollaro", "dollari" },
    .pound = { "sterlina", "sterline" },
    .cent = { "centesimo", "centesimi" },
    .euro_cent = { "centesimo", "centesimi" },
    .cents_join = "e",
    .out_of = "su",
    .halves = { "mezzo", "mezza" },
    .and_a_half = { "e mezzo", "e mezza" },
    .denominators = denominators,
    .denominator_plural = "i", /* instead of the o at the end */
    .masculine = "problema programma sistema tema clima pianeta poeta dramma schema -ista atleta colega sofà papà",
    .feminine = "mano notte parte fase classe serie rete gente volta -a -zione -sione -gione -tà -tù -trice",
    .not_nouns = "a ad al alla alle ai agli da dal dalla di del della dei e ed o in nel nella con su per tra "
                 "fra il lo la gli "
                 "le un una che chi si non è sono era ha hanno più meno contro",
    .unsure = "grande forte",
    .number_names = "numero minuto giorno pagina gruppo capitolo canale anno giornata settimana stagione "
                    "linea il la formula "
                    "fase livello tipo porta tappa maglia",
    .ordinal_masculine = "º .º .°",
    .ordinal_feminine = "ª .ª",
    .ordinal_before = "",
    .roman_before = "capitolo tomo atto parte fase bowl volume titolo livello tipo gruppo libro",
    .roman_after = "secolo guerra edizione congresso giochi coppa impero torneo legislatura repubblica",
    .kings = "luigi enrico carlo giovanni paolo pio benedetto napoleone guglielmo edoardo riccardo giorgio "
             "alfonso filippo "
             "felipe federico alessandro nicola leopoldo alberto umberto vittorio emanuele francesco "
             "gregorio clemente "
             "innocenzo leone",
    .queens = "elisabetta isabella maria caterina cristina margherita vittoria",
    .kings_ordinals = 1000,
    .abbreviations = abbreviations,
};
