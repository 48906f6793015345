//! Pages in Spanish about nothing in particular, for whoever wants to know what keeping or dropping a language is worth.

use crate::dates;
use crate::prose::paragraphs;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

const SPOTS: [&str; 16] = [
    "el mercado",
    "el puerto",
    "el viejo molino",
    "el ayuntamiento",
    "el puente",
    "la escuela",
    "el jardín",
    "la orilla del río",
    "la panadería",
    "la biblioteca",
    "la plaza",
    "la estación",
    "la colina",
    "la posada",
    "la iglesia",
    "el faro",
];
const THINGS: [&str; 16] = [
    "árboles",
    "faroles",
    "flores",
    "piedras",
    "barcos",
    "bancos",
    "rosas",
    "cestas",
    "carros",
    "libros",
    "cuadros",
    "campanas",
    "sillas",
    "velas",
    "cartas",
    "bicicletas",
];
const PEOPLE: [&str; 12] = [
    "los niños",
    "los vecinos",
    "los visitantes",
    "los campesinos",
    "los viajeros",
    "los músicos",
    "los estudiantes",
    "los obreros",
    "los abuelos",
    "los marineros",
    "los primos",
    "los tenderos",
];
const TIMES: [&str; 14] = [
    "En primavera",
    "En verano",
    "En otoño",
    "En invierno",
    "Los lunes",
    "Los martes",
    "Los domingos",
    "Por la mañana temprano",
    "Por la noche",
    "Al mediodía",
    "Después de la lluvia",
    "Una vez al mes",
    "En las fiestas",
    "Antes del amanecer",
];
const DEEDS: [&str; 14] = [
    "cantan juntos",
    "cuentan largas historias",
    "beben té",
    "dan de comer a los patos",
    "juegan a las cartas",
    "cambian monedas antiguas",
    "miran las estrellas",
    "comparten la comida",
    "hablan del tiempo",
    "esperan el autobús",
    "reparan la valla",
    "pintan las puertas",
    "leen el periódico",
    "escuchan a la banda",
];
const SMELLS: [&str; 8] =
    ["pan fresco", "hierba mojada", "sopa caliente", "humo de leña", "manzanas maduras", "sal y pescado", "café", "miel"];
const NUMBERS: [&str; 8] = ["dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"];

/// `count` pages of two paragraphs each, which a filter for English drops.
pub fn sheets(seed: u64, count: usize) -> Vec<Sheet> {
    (0..count)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("spanish"), i as u64]);
            let n_sentences = 7 + rng.below(6);
            let sentences: Vec<String> = (0..n_sentences).map(|_| sentence(rng)).collect();
            let url = format!("https://pueblo.page/{}", i + 1);
            Sheet::web("spanish", url, dates::before_cutoff(rng), "Una página", paragraphs(&sentences, 2)).dropped_by("language")
        })
        .collect()
}

/// One sentence of 8 to 16 words.
fn sentence(rng: &mut Rng) -> String {
    let (spot, other) = (*rng.pick(&SPOTS), *rng.pick(&SPOTS));
    let (things, people, time) = (*rng.pick(&THINGS), *rng.pick(&PEOPLE), *rng.pick(&TIMES));
    let (deed, deed2) = (*rng.pick(&DEEDS), *rng.pick(&DEEDS));
    let (smell, number) = (*rng.pick(&SMELLS), *rng.pick(&NUMBERS));
    match rng.below(12) {
        0 => format!("{time} {people} se reúnen en {spot} y {deed}."),
        1 => format!("{time} el aire cerca de {spot} huele a {smell}."),
        2 => format!("Hay {number} casas pequeñas entre {spot} y {other}."),
        3 => format!("Se tarda {number} minutos en ir andando desde {spot} hasta {other}."),
        4 => format!("Se dice que {people} de este pueblo {deed} y {deed2}."),
        5 => format!("Un camino con muchos {} lleva hasta {spot}.", ["árboles", "faroles", "bancos"][rng.below(3)]),
        6 => format!("Nadie recuerda quién puso {number} {things} al lado de {spot}."),
        7 => format!("Detrás de {spot} hay un patio tranquilo con {number} {things}."),
        8 => format!("{time} el olor a {smell} llega desde {spot}."),
        9 => format!("Si uno pasa por {spot}, puede ver también {other}."),
        10 => format!("Todos los años {people} traen {number} {things} a {spot}."),
        _ => format!("Cuando {people} llegan a {spot}, siempre {deed}."),
    }
}
