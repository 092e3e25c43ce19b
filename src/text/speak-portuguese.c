/* text/speak-portuguese.c: how Portuguese is read aloud, beyond what ICU knows. */
#include "text/speak-language-private.h"

#include <stddef.h>

#define NAME   DUB_ABBREVIATION_NAME
#define NUMBER DUB_ABBREVIATION_NUMBER
#define END    DUB_ABBREVIATION_END

static const DubMagnitude magnitudes[] = {
    { "mil", "mil", "mil", true, true },
    { "milhões", "milhão", "milhões", false, true },
    { "milhão", "milhão", "milhões", false, true },
    { "bilhões", "bilhão", "bilhões", false, true },
    { "bilhão", "bilhão", "bilhões", false, true },
    { "thousand", "mil", "mil", true, false },
    { "million", "milhão", "milhões", false, false },
    { "billion", "bilhão", "bilhões", false, false },
    { "trillion", "trilhão", "trilhões", false, false },
    { "mi", "milhão", "milhões", false, true },
    { "bi", "bilhão", "bilhões", false, true },
    { "bn", "bilhão", "bilhões", false, true },
    { "M", "milhão", "milhões", false, true },
    { "m", "milhão", "milhões", false, true },
    { "B", "bilhão", "bilhões", false, true },
    { "K", "mil", "mil", true, true },
    { "k", "mil", "mil", true, false },
    { NULL, NULL, NULL, false, false },
};

static const char *const denominators[] = {
    "terço", "quarto", "quinto", "sexto", "sétimo", "oitavo", "nono", "décimo"
};

static const DubAbbreviation abbreviations[] = {
    { "EE. UU.", "Estados Unidos", END },
    { "EUA", "Estados Unidos", 0 },
    { "srta.", "senhorita", 0 },
    { "sras.", "senhoras", 0 },
    { "srs.", "senhores", 0 },
    { "sra.", "senhora", 0 },
    { "sr.", "senhor", 0 },
    { "sra", "senhora", NAME },
    { "sr", "senhor", NAME },
    { "dra.", "doutora", 0 },
    { "dr.", "doutor", 0 },
    { "dr", "doutor", NAME },
    { "profa.", "professora", 0 },
    { "prof.ª", "professora", 0 },
    { "prof.", "professor", 0 },
    { "eng.", "engenheiro", NAME },
    { "Gen.", "general", NAME },
    { "cel.", "coronel", NAME },
    { "Pe.", "padre", NAME },
    { "sto.", "santo", NAME },
    { "sta.", "santa", NAME },
    { "Jr.", "júnior", END },
    { "av.", "avenida", NAME },
    { "Cia.", "companhia", END },
    { "Ltda.", "limitada", END },
    { "p. ex.", "por exemplo", 0 },
    { "p.ex.", "por exemplo", 0 },
    { "etc.", "et cetera", END },
    { "aprox.", "aproximadamente", END },
    { "máx.", "máximo", END },
    { "mín.", "mínimo", END },
    { "a. C.", "antes de Cristo", END },
    { "d. C.", "depois de Cristo", END },
    { "a.C.", "antes de Cristo", END },
    { "d.C.", "depois de Cristo", END },
    { "n.º", "número", NUMBER },
    { "nº", "número", NUMBER },
    { "n°", "número", NUMBER },
    { "No.", "número", NUMBER },
    { "núm.", "número", NUMBER },
    { "págs.", "páginas", 0 },
    { "pág.", "página", 0 },
    { "cap.", "capítulo", NUMBER },
    { "art.", "artigo", NUMBER },
    { "vol.", "volume", NUMBER },
    { "tel.", "telefone", 0 },
    { "pts.", "pontos", END },
    { "min.", "minutos", END },
    { "seg.", "segundos", END },
    { "vs.", "contra", 0 },
    { "vs", "contra", 0 },
    { "e/ou", "e ou", 0 },
    { NULL, NULL, 0 },
};

const DubSpeakLanguage dub_speak_portuguese = {
    .code = "pt",
    .pairs = true,
    .agrees_beyond_one = true,
    .comma = "vírgula",
    .point = "ponto",
    .minus = "menos",
    .plus = "mais",
    .percent = "por cento",
    .number = "número",
    .times = "por",
    .equals = "igual a",
    .at = "arroba",
    .and = "e",
    .dot = "ponto",
    .slash = "barra",
    .hyphen = "hífen",
    .underscore = "sublinhado",
    .about = "aproximadamente",
    .per = "por",
    .range = "a",
    .score = "a",
    .of = "de",
    .magnitudes = magnitudes,
    .date = "%d de %m de %y",
    .first_is_ordinal = true,
    .clock_at = "às as das à",
    .clock_join = "e",
    .clock_else = "e",
    .clock_full = "horas",
    .clock_nothing = "horas",
    .clock_word = "horas",
    .clock_suffix = "h",
    .am = "da manhã",
    .pm = "da tarde",
    .evening = "da noite",
    .feminine_hours = true,
    .dollar = { "dólar", "dólares" },
    .pound = { "libra", "libras" },
    .cent = { "centavo", "centavos" },
    .euro_cent = { "cêntimo", "cêntimos" },
    .cents_join = "e",
    .out_of = "de",
    .halves = { "meio", "meia" },
    .and_a_half = { "e meio", "e meia" },
    .denominators = denominators,
    .denominator_plural = "s",
    .masculine = "dia dias mapa mapas problema problemas sistema sistemas tema temas programa programas clima climas "
                 "planeta planetas poeta poetas drama dramas esquema esquemas sofá sofás colega colegas atleta "
                 "atletas "
                 "grama gramas quilograma quilogramas -ista -istas cinema cinemas",
    .feminine = "mão mãos foto fotos moto motos noite noites tarde tardes vez vezes classe classes gente "
                "chave chaves parte "
                "partes base bases rede redes flor flores lei leis mulher mulheres série séries fase fases "
                "frase frases morte "
                "mortes fonte fontes mãe mães luz luzes voz vozes cruz cruzes paz atriz atrizes raiz raízes "
                "sede sedes -a -as "
                "-ção -ções -são -sões -dade -dades -gem -gens -tude -tudes",
    .not_nouns = "a ao aos à às de do da dos das e ou em no na nos nas com por para pela pelo que se o os as "
                 "um uma não é são foi "
                 "era está há tem têm contra entre até mais menos sem sob sobre",
    .unsure = "grandes melhores piores possíveis principais difíceis fáceis jovens importantes seguintes restantes",
    .number_names = "número minuto dia grupo página capítulo canal ano rodada camisa fórmula temporada "
                    "semana linha nível fase "
                    "tipo século artigo o a versão porta sala etapa",
    .ordinal_masculine = ".º º .° .o",
    .ordinal_feminine = ".ª ª .a",
    .ordinal_before = "",
    .roman_before =
        "século séculos capítulo tomo ato parte fase bowl edição volume livro título nível tipo grupo classe",
    .roman_after = "guerra edição congresso jogos copa cúpula república império torneio",
    .kings = "filipe felipe afonso carlos joão paulo pio bento henrique luís fernando jorge ricardo eduardo "
             "guilherme "
             "napoleão francisco gregório clemente inocêncio leão pedro manuel sebastião alexandre nicolau "
             "frederico",
    .queens = "isabel joana maria catarina cristina vitória margarida elizabeth elisabete",
    .kings_ordinals = 10,
    .abbreviations = abbreviations,
};
