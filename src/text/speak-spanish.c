/* text/speak-spanish.c: how Spanish is read aloud, beyond what ICU knows. */
#include "text/speak-language-private.h"

#include <stddef.h>

#define NAME   DUB_ABBREVIATION_NAME
#define NUMBER DUB_ABBREVIATION_NUMBER
#define END    DUB_ABBREVIATION_END

static const DubMagnitude magnitudes[] = {
    { "mil millones", "mil millones", "mil millones", false, false },
    { "mil", "mil", "mil", true, true },
    { "millones", "millón", "millones", false, true },
    { "millón", "millón", "millones", false, true },
    { "billones", "billón", "billones", false, true },
    { "billón", "billón", "billones", false, true },
    { "thousand", "mil", "mil", true, false },
    { "million", "millón", "millones", false, false },
    { "billion", "mil millones", "mil millones", false, false },
    { "trillion", "billón", "billones", false, false },
    { "mill.", "millón", "millones", false, false },
    { "bn", "mil millones", "mil millones", false, true },
    { "MM", "millón", "millones", false, true },
    { "M", "millón", "millones", false, true },
    { "m", "millón", "millones", false, true },
    { "B", "mil millones", "mil millones", false, true },
    { "K", "mil", "mil", true, true },
    { "k", "mil", "mil", true, false },
    { NULL, NULL, NULL, false, false },
};

static const char *const denominators[] = { "tercio",  "cuarto", "quinto", "sexto",
                                            "séptimo", "octavo", "noveno", "décimo" };

static const DubAbbreviation abbreviations[] = {
    { "EE. UU.", "Estados Unidos", END },
    { "EE.UU.", "Estados Unidos", END },
    { "EE. UU", "Estados Unidos", 0 },
    { "EE.UU", "Estados Unidos", 0 },
    { "EEUU", "Estados Unidos", 0 },
    { "EE UU", "Estados Unidos", 0 },
    { "JJ. OO.", "Juegos Olímpicos", END },
    { "JJ.OO.", "Juegos Olímpicos", END },
    { "JJOO", "Juegos Olímpicos", 0 },
    { "FF. AA.", "Fuerzas Armadas", END },
    { "FF.AA.", "Fuerzas Armadas", END },
    { "RR. HH.", "recursos humanos", END },
    { "RR.HH.", "recursos humanos", END },
    { "CC. AA.", "comunidades autónomas", END },
    { "sres.", "señores", NAME },
    { "sras.", "señoras", NAME },
    { "srta.", "señorita", 0 },
    { "sra.", "señora", 0 },
    { "sr.", "señor", 0 },
    { "sra", "señora", NAME },
    { "sr", "señor", NAME },
    { "dres.", "doctores", 0 },
    { "dra.", "doctora", 0 },
    { "dr.", "doctor", 0 },
    { "dra", "doctora", NAME },
    { "dr", "doctor", NAME },
    { "Dña.", "doña", 0 },
    { "D.ª", "doña", 0 },
    { "Uds.", "ustedes", END },
    { "Ud.", "usted", END },
    { "Vds.", "ustedes", END },
    { "Vd.", "usted", END },
    { "profa.", "profesora", 0 },
    { "prof.", "profesor", 0 },
    { "gral.", "general", 0 },
    { "cnel.", "coronel", 0 },
    { "tte.", "teniente", 0 },
    { "lic.", "licenciado", 0 },
    { "ing.", "ingeniero", 0 },
    { "arq.", "arquitecto", 0 },
    { "mons.", "monseñor", 0 },
    { "pdte.", "presidente", 0 },
    { "sto.", "santo", NAME },
    { "sta.", "santa", NAME },
    { "Jr.", "júnior", END },
    { "avda.", "avenida", 0 },
    { "av.", "avenida", NAME },
    { "Cía.", "compañía", END },
    { "Ltda.", "limitada", END },
    { "dpto.", "departamento", END },
    { "vs.", "contra", 0 },
    { "vs", "contra", 0 },
    { "núms.", "números", NUMBER },
    { "núm.", "número", NUMBER },
    { "nros.", "números", NUMBER },
    { "nro.", "número", NUMBER },
    { "n.º", "número", NUMBER },
    { "n.°", "número", NUMBER },
    { "nº", "número", NUMBER },
    { "n°", "número", NUMBER },
    { "No.", "número", NUMBER },
    { "págs.", "páginas", 0 },
    { "pág.", "página", 0 },
    { "cap.", "capítulo", NUMBER },
    { "art.", "artículo", NUMBER },
    { "vol.", "volumen", NUMBER },
    { "ext.", "extensión", NUMBER },
    { "tfno.", "teléfono", 0 },
    { "teléf.", "teléfono", 0 },
    { "tel.", "teléfono", 0 },
    { "p. ej.", "por ejemplo", 0 },
    { "p.ej.", "por ejemplo", 0 },
    { "etc.", "etcétera", END },
    { "aprox.", "aproximadamente", END },
    { "máx.", "máximo", END },
    { "mín.", "mínimo", END },
    { "a. de C.", "antes de Cristo", END },
    { "d. de C.", "después de Cristo", END },
    { "a. C.", "antes de Cristo", END },
    { "d. C.", "después de Cristo", END },
    { "a.C.", "antes de Cristo", END },
    { "d.C.", "después de Cristo", END },
    { "ptos.", "puntos", END },
    { "pts.", "puntos", END },
    { "dcha.", "derecha", END },
    { "izda.", "izquierda", END },
    { "izq.", "izquierda", END },
    { "seg.", "segundos", END },
    { "hrs.", "horas", END },
    { "mts.", "metros", END },
    { "kms.", "kilómetros", END },
    { "c/u", "cada uno", 0 },
    { "y/o", "y o", 0 },
    { "s/n", "sin número", 0 },
    { NULL, NULL, 0 },
};

const DubSpeakLanguage dub_speak_spanish = {
    .code = "es",
    .pairs = true,
    .agrees_beyond_one = true,
    .comma = "coma",
    .point = "punto",
    .minus = "menos",
    .plus = "más",
    .percent = "por ciento",
    .number = "número",
    .times = "por",
    .equals = "igual a",
    .at = "arroba",
    .and = "y",
    .dot = "punto",
    .slash = "barra",
    .hyphen = "guion",
    .underscore = "guion bajo",
    .about = "aproximadamente",
    .per = "por",
    .range = "a",
    .score = "a",
    .of = "de",
    .magnitudes = magnitudes,
    .date = "%d de %m de %y",
    .clock_at = "las la",
    .clock_join = "y",
    .clock_else = "",
    .clock_zero = "cero",
    .clock_full = "",
    .clock_nothing = "cero cero",
    .clock_word = "horas",
    .clock_suffix = "h hs hrs",
    .am = "de la mañana",
    .pm = "de la tarde",
    .evening = "de la noche",
    .feminine_hours = true,
    .dollar = { "dólar", "dólares" },
    .pound = { "libra", "libras" },
    .cent = { "centavo", "centavos" },
    .euro_cent = { "céntimo", "céntimos" },
    .cents_join = "con",
    .out_of = "de",
    .halves = { "medio", "media" },
    .and_a_half = { "y medio", "y media" },
    .denominators = denominators,
    .denominator_plural = "s",
    .masculine = "día días mapa mapas problema problemas sistema sistemas tema temas programa programas clima climas "
                 "idioma idiomas planeta planetas poeta poetas drama dramas esquema esquemas fantasma fantasmas "
                 "diploma diplomas lema lemas dilema dilemas síntoma síntomas trauma traumas enigma enigmas "
                 "panorama panoramas cometa cometas tranvía tranvías sofá sofás papá papás guardia guardias "
                 "colega colegas atleta atletas guardameta guardametas cardenales análisis oasis paréntesis énfasis "
                 "jueces peces aviones camiones gorriones guiones millones billones campeones peones -nauta -nautas "
                 "-ista -istas -grama -gramas",
    .feminine = "mano manos foto fotos moto motos radio radios noche noches tarde tardes vez veces clase clases "
                "gente "
                "llave llaves calle calles parte partes base bases red redes flor flores ley leyes mujer mujeres "
                "señal señales serie series superficie superficies leche nave naves torre torres fase fases clave "
                "claves frase frases muerte muertes fuente fuentes madre madres piel pieles cárcel cárceles luz "
                "luces "
                "voz voces cruz cruces paz actriz actrices raíz raíces nariz narices sede sedes suerte imagen "
                "imágenes "
                "sal sangre nube nubes orden órdenes liebre liebres crisis tesis hipótesis dosis sierpe índole "
                "costumbre "
                "-a -as -ción -ciones -sión -siones -gión -giones -xión -xiones -nión -niones -dad -dades -tad "
                "-tades "
                "-tud -tudes -umbre -umbres",
    .not_nouns = "a al ante bajo con contra de del desde durante e en entre hacia hasta mediante ni o para "
                 "pero por porque "
                 "que se según sin sobre tras u y ya es son era fue está están ha han había hay no sí como "
                 "cuando donde "
                 "mientras más menos el la los las un una lo le les su sus mi tu nos me te si pues aunque",
    .unsure = "mil grandes mejores peores posibles principales difíciles fáciles jóvenes últimos nuevos primeros "
              "importantes siguientes restantes millones diferentes iguales breves enormes increíbles",
    .number_names =
        "número minuto jornada día grupo página capítulo dorsal canal año puesto fórmula temporada semana "
        "cuarto "
        "ronda zona vía línea nivel fase tipo siglo artículo la el versión puerta sala etapa set hoyo carril "
        "down yarda camiseta camisa casilla plataforma apartado habitación calle batería episodio tomo acto",
    .ordinal_masculine = ".º º .° .o ro do to mo vo no",
    .ordinal_feminine = ".ª ª .a ra da ta ma va na era",
    .ordinal_before = ".er er",
    .roman_before =
        "siglo siglos capítulo tomo acto parte fase bowl edición volumen libro título nivel tipo grupo clase "
        "mundial wrestlemania división unidad zona fórmula apartado escena canto serie milenio",
    .roman_after = "guerra edición congreso juegos copa cumbre legislatura república imperio reich torneo "
                   "gran premio feria "
                   "festival jornada jornadas asamblea maratón milenio dinastía campeonato",
    .kings = "felipe alfonso carlos juan pablo pío benedicto enrique luis fernando jorge ricardo eduardo "
             "guillermo "
             "napoleón francisco gregorio clemente inocencio león sancho ramiro pedro jaime alejandro "
             "nicolás federico "
             "jacobo gustavo balduino alberto leopoldo harald olaf mohamed hussein ramsés ptolomeo",
    .queens = "isabel juana maría catalina cristina victoria margarita beatriz cleopatra ana",
    .kings_ordinals = 10,
    .abbreviations = abbreviations,
};
