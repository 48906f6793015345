//! Pieces that are cut otherwise than their characters say, or not at all: contractions, abbreviations, hours, emoticons.
//!
//! The list is that of spaCy 3.8's English tokenizer, written as the rules that it follows. Knows where a piece is cut
//! and nothing about its surroundings.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// Where an exceptional piece is cut: bit i stands for a cut before byte i. No bit: it stays whole.
pub type Cuts = u32;

/// The longest exception, in bytes: one more and the cuts would not fit.
const LONGEST: usize = 32;

/// Contractions: each head, also capitalised, with each tail, also without apostrophes; `|` is a cut inside a tail.
const CONTRACTIONS: [(&str, &str); 14] = [
    ("i", "'m 'm|a"),
    ("i you he she it we they", "'ll 'll|'ve 'd 'd|'ve"),
    ("i you we they", "'ve"),
    ("you we they", "'re"),
    ("he she it", "'s"),
    ("who what when where why how there that this", "'s"),
    ("who what when where why how there that this these those", "'ll 'll|'ve 'd 'd|'ve"),
    ("who what when where why how there these those", "'re 've"),
    ("ca could do does did had may might must need ought sha should wo would", "n't n't|'ve"),
    ("could might must should would", "'ve"),
    ("ai are is was were have has dare", "n't"),
    ("not", "'ve"),
    ("can", "not"),
    ("got", "ta"),
];
/// Contractions with cuts of their own.
const OTHERS: &str = "y'|all y|all how|'d|'y How|'d|'y gon|na Gon|na let|'s Let|'s c'm|on C'm|on";
/// Words that a contraction without apostrophe would be taken for.
const NO_CONTRACTIONS: &str = "Ill ill Its its Hell hell Shell shell Shed shed were Were Well well Whore whore";
/// Abbreviations keep their full stop, and words their apostrophe; emoticons stay whole.
const WHOLE: [&str; 5] = [
    "' \\\") <space> '' C++ \\t \\n — em 'em ll 'll nuff 'nuff 's 'S ‘s ‘S and/or w/o 're 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz \
     'bout ma'am Ma'am o'clock O'clock 'd \
     doin doin' Doin Doin' goin goin' Goin Goin' nothin nothin' Nothin Nothin' nuthin nuthin' Nuthin Nuthin' ol ol' Ol Ol' \
     somethin somethin' Somethin Somethin' lovin lovin' Lovin Lovin' havin havin' Havin Havin'",
    "Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans. Ky. La. Mar. \
     Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis.",
    "a.m. p.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. \
     Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. ä. ö. ü.",
    ":) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( :-(( :((( :-((( ): )-: \
     =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :* :-* :3 :-3 =3 :> :-> :X :-X \
     :x :-x :D :-D ;D ;-D =D",
    "xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 \
     o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>",
];

/// All exceptions.
pub struct Exceptions {
    cuts: FxHashMap<String, Cuts>,
    /// A bit for each value of `key` that an exception has: most pieces are turned away here.
    keys: Vec<u64>,
}

/// The exceptions, made at first use.
pub static EXCEPTIONS: LazyLock<Exceptions> = LazyLock::new(Exceptions::new);

impl Exceptions {
    fn new() -> Exceptions {
        let mut exceptions = Exceptions { cuts: FxHashMap::default(), keys: vec![0; 1 << 10] };
        for (heads, tails) in CONTRACTIONS {
            for head in heads.split(' ') {
                for tail in tails.split(' ') {
                    for head in [head, &capitalised(head)] {
                        exceptions.add(&format!("{head}|{tail}"));
                        exceptions.add(&format!("{head}|{tail}").replace('\'', ""));
                    }
                }
            }
        }
        for hour in 1..=12 {
            for half in ["am", "a.m.", "pm", "p.m."] {
                exceptions.add(&format!("{hour}|{half}"));
            }
        }
        for piece in NO_CONTRACTIONS.split(' ') {
            exceptions.cuts.remove(piece);
        }
        let letters = ('a'..='z').map(|letter| format!("{letter}."));
        letters.chain("cfkCFK".chars().map(|unit| format!("°|{unit}|."))).for_each(|piece| exceptions.add(&piece));
        OTHERS.split(' ').for_each(|piece| exceptions.add(piece));
        // Emoticons hold `|` as a character.
        WHOLE.iter().flat_map(|pieces| pieces.split(' ')).for_each(|piece| exceptions.insert(piece.to_string(), 0));
        let curly: Vec<(String, Cuts)> =
            exceptions.cuts.iter().filter(|(piece, _)| piece.contains('\'')).map(with_curly_apostrophe).collect();
        curly.into_iter().for_each(|(piece, cuts)| exceptions.insert(piece, cuts));
        exceptions
    }

    /// Adds a piece with `|` at its cuts.
    fn add(&mut self, piece: &str) {
        let (mut whole, mut cuts) = (String::new(), 0);
        for part in piece.split('|') {
            if !whole.is_empty() {
                cuts |= 1 << whole.len();
            }
            whole.push_str(part);
        }
        self.insert(whole, cuts);
    }

    fn insert(&mut self, piece: String, cuts: Cuts) {
        assert!(piece.len() <= LONGEST, "{piece}");
        let key = key(piece.as_bytes());
        self.keys[key / 64] |= 1 << (key % 64);
        self.cuts.insert(piece, cuts);
    }

    /// Where the piece is cut, or `None` if it is no exception.
    #[inline]
    pub fn get(&self, piece: &str) -> Option<Cuts> {
        if piece.is_empty() || piece.len() > LONGEST {
            return None;
        }
        let key = key(piece.as_bytes());
        if self.keys[key / 64] >> (key % 64) & 1 == 0 {
            return None;
        }
        self.cuts.get(piece).copied()
    }

    /// The exceptions themselves.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        self.cuts.keys().map(String::as_str)
    }
}

/// 16 bits of the length and the two bytes at either end of a piece that is not empty.
#[inline]
fn key(piece: &[u8]) -> usize {
    let n = piece.len();
    let (second, last_but_one) = (piece[1.min(n - 1)], piece[n.saturating_sub(2)]);
    let ends = u32::from_le_bytes([piece[0], second, last_but_one, piece[n - 1]]);
    ((ends ^ (n as u32).wrapping_mul(0x0100_1001)).wrapping_mul(0x9E37_79B1) >> 16) as usize
}

fn capitalised(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

/// The same piece with `’` for each `'`, which is two bytes longer.
fn with_curly_apostrophe((piece, &cuts): (&String, &Cuts)) -> (String, Cuts) {
    let moved = |at: usize| at + 2 * piece.as_bytes()[..at].iter().filter(|&&byte| byte == b'\'').count();
    let cuts = (1..piece.len()).filter(|at| cuts >> at & 1 == 1).fold(0, |all, at| all | 1 << moved(at));
    (piece.replace('\'', "’"), cuts)
}
