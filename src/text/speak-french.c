/* text/speak-french.c: how French is read aloud, beyond what ICU knows. */
#include "text/speak-language-private.h"

#include <stddef.h>

#define NAME   DUB_ABBREVIATION_NAME
#define NUMBER DUB_ABBREVIATION_NUMBER
#define END    DUB_ABBREVIATION_END

static const DubMagnitude magnitudes[] = {
    { "mille", "mille", "mille", true, true },
    { "millions", "million", "millions", false, true },
    { "million", "million", "millions", false, true },
    { "milliards", "milliard", "milliards", false, true },
    { "milliard", "milliard", "milliards", false, true },
    { "thousand", "mille", "mille", true, false },
    { "billion", "milliard", "milliards", false, true },
    { "trillion", "billion", "billions", false, true },
    { "Mds", "milliard", "milliards", false, false },
    { "Md", "milliard", "milliards", false, false },
    { "bn", "milliard", "milliards", false, true },
    { "M", "million", "millions", false, true },
    { "m", "million", "millions", false, true },
    { "B", "milliard", "milliards", false, true },
    { "K", "mille", "mille", true, true },
    { "k", "mille", "mille", true, false },
    { NULL, NULL, NULL, false, false },
};

static const char *const denominators[] = { "tiers",    "quart",    "cinquième", "sixième",
                                            "septième", "huitième", "neuvième",  "dixième" };

static const DubAbbreviation abbreviations[] = {
    { "MM.", "messieurs", NAME },
    { "M.", "monsieur", NAME },
    { "Mmes", "mesdames", NAME },
    { "Mme", "madame", 0 },
    { "Mlle", "mademoiselle", 0 },
    { "Dr.", "docteur", 0 },
    { "Dr", "docteur", NAME },
    { "Pr.", "professeur", NAME },
    { "Pr", "professeur", NAME },
    { "Me", "maître", NAME },
    { "Ste", "sainte", NAME },
    { "St", "saint", NAME },
    { "Cie", "compagnie", 0 },
    { "av. J.-C.", "avant Jésus-Christ", END },
    { "apr. J.-C.", "après Jésus-Christ", END },
    { "ap. J.-C.", "après Jésus-Christ", END },
    { "av.", "avenue", NAME },
    { "bd", "boulevard", NAME },
    { "p. ex.", "par exemple", 0 },
    { "p.ex.", "par exemple", 0 },
    { "c.-à-d.", "c'est-à-dire", 0 },
    { "c-à-d", "c'est-à-dire", 0 },
    { "etc.", "et cetera", END },
    { "env.", "environ", 0 },
    { "max.", "maximum", END },
    { "min.", "minutes", END },
    { "tél.", "téléphone", 0 },
    { "n°", "numéro", NUMBER },
    { "nº", "numéro", NUMBER },
    { "No.", "numéro", NUMBER },
    { "no.", "numéro", NUMBER },
    { "p.", "page", NUMBER },
    { "vol.", "volume", NUMBER },
    { "chap.", "chapitre", NUMBER },
    { "art.", "article", NUMBER },
    { "vs.", "contre", 0 },
    { "vs", "contre", 0 },
    { "pts", "points", 0 },
    { "qqn", "quelqu'un", 0 },
    { "qqch", "quelque chose", 0 },
    { "et/ou", "et ou", 0 },
    { NULL, NULL, 0 },
};

const DubSpeakLanguage dub_speak_french = {
    .code = "fr",
    .pairs = true,
    .agrees_beyond_one = true,
    .comma = "virgule",
    .point = "point",
    .minus = "moins",
    .plus = "plus",
    .percent = "pour cent",
    .number = "numéro",
    .times = "fois",
    .equals = "égale",
    .at = "arobase",
    .and = "et",
    .dot = "point",
    .slash = "barre oblique",
    .hyphen = "tiret",
    .underscore = "tiret bas",
    .about = "environ",
    .per = "par",
    .range = "à",
    .score = "à",
    .of = "de",
    .magnitudes = magnitudes,
    .date = "%d %m %y",
    .first_is_ordinal = true,
    .clock_at = "à vers dès jusqu",
    .clock_join = "heures",
    .clock_else = "heures",
    .clock_full = "heures",
    .clock_nothing = "heures",
    .clock_word = "heures",
    .clock_suffix = "h",
    .am = "du matin",
    .pm = "de l'après-midi",
    .evening = "du soir",
    .feminine_hours = true,
    .dollar = { "dollar", "dollars" },
    .pound = { "livre", "livres" },
    .cent = { "cent", "cents" },
    .euro_cent = { "centime", "centimes" },
    .cents_join = "",
    .out_of = "sur",
    .halves = { "demi", "demie" },
    .and_a_half = { "et demi", "et demie" },
    .denominators = denominators,
    .denominator_plural = "s",
    .masculine = "",
    .feminine = "minute minutes seconde secondes heure heures journée journées semaine semaines année années page "
                "pages "
                "personne personnes fois passe passes équipe équipes victoire victoires défaite défaites place "
                "places ligne "
                "lignes faute fautes livre livres once onces tonne tonnes femme femmes fille filles chance chances "
                "médaille médailles course courses partie parties balle balles tête têtes touche touches mi-temps "
                "nuit "
                "nuits main mains fin fins voix yarde yardes touche jambe jambes coupe coupes saison saisons finale "
                "finales étape étapes manche manches série séries frappe frappes chose choses ville villes école "
                "écoles "
                "voiture voitures pinte pintes pièce pièces question -tion -tions -sion -sions -ée -ées -ette "
                "-ettes -ade -ades -té -tés -ance -ances -ence -ences -ure -ures -ille -illes -aison -aisons",
    .not_nouns = "à au aux de des du le la les un une et ou mais donc en dans par pour sur sous avec sans "
                 "est sont était a ont "
                 "que qui se ne pas plus moins contre chez vers entre depuis",
    .unsure = "grandes petites belles autres dernières premières",
    .number_names =
        "numéro minute page jour groupe chapitre chaîne année canal journée semaine saison ligne route le la "
        "formule porte phase niveau type étape",
    .ordinal_masculine = "er e ème eme nd",
    .ordinal_feminine = "re ère nde",
    .ordinal_before = "",
    .roman_before = "chapitre tome acte partie phase bowl volume titre niveau type groupe classe livre",
    .roman_after = "",
    .kings = "louis henri charles françois philippe jean paul pie benoît napoléon guillaume édouard richard "
             "georges "
             "alphonse félipe frédéric alexandre nicolas léopold baudouin albert jacques grégoire clément "
             "innocent léon",
    .queens = "élisabeth isabelle marie catherine christine marguerite victoria",
    .kings_ordinals = 1,
    .abbreviations = abbreviations,
};
