//! The elements of HTML that extraction tells apart, and what is special about each.
//!
//! A table and nothing else.

/// How a tag is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Begins and ends a line; closes a paragraph before it.
    Block,
    /// Stands inside a line.
    Inline,
    /// Stands inside a line and says nothing about its text: no node is made of it.
    Format,
    /// Has no content.
    Void,
    /// Its content is text up to its end tag, or to the end of the page.
    Raw,
    /// Its content is passed over, if its end tag comes.
    Skipped,
}

macro_rules! tags {
    ($($variant:ident $name:literal $kind:ident),* $(,)?) => {
        /// An element's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Tag {
            $($variant,)*
            /// Every other element.
            Other,
            /// No element: a piece of text.
            Text,
            /// A script of `application/ld+json`.
            LinkedData,
        }

        /// The element of a name in any case.
        pub fn tag_of(name: &[u8]) -> Tag {
            let mut lower = [0; 10];
            let Some(lower) = lower.get_mut(..name.len()) else { return Tag::Other };
            lower.copy_from_slice(name);
            lower.make_ascii_lowercase();
            match &*lower {
                $($name => Tag::$variant,)*
                _ => Tag::Other,
            }
        }

        /// How an element is parsed.
        pub fn kind(tag: Tag) -> Kind {
            match tag {
                $(Tag::$variant => Kind::$kind,)*
                Tag::Other => Kind::Format,
                Tag::Text | Tag::LinkedData => Kind::Inline,
            }
        }
    };
}

tags! {
    B b"b" Format, Big b"big" Format, Em b"em" Format, Font b"font" Format, I b"i" Format, Small b"small" Format, Strong b"strong" Format,
    Tt b"tt" Format, U b"u" Format,
    A b"a" Inline, Address b"address" Block, Area b"area" Void, Article b"article" Block, Aside b"aside" Block, Audio b"audio" Inline,
    Base b"base" Void, Blockquote b"blockquote" Block, Body b"body" Block, Br b"br" Void, Button b"button" Inline,
    Canvas b"canvas" Skipped, Caption b"caption" Block, Center b"center" Block, Code b"code" Format, Col b"col" Void,
    Datalist b"datalist" Skipped, Dd b"dd" Block, Details b"details" Block, Dialog b"dialog" Block, Div b"div" Block,
    Dl b"dl" Block, Dt b"dt" Block, Embed b"embed" Void, Fieldset b"fieldset" Block, Figcaption b"figcaption" Block, Figure b"figure" Block,
    Footer b"footer" Block, Form b"form" Block, H1 b"h1" Block, H2 b"h2" Block, H3 b"h3" Block, H4 b"h4" Block, H5 b"h5" Block, H6 b"h6" Block,
    Head b"head" Block, Header b"header" Block, Hr b"hr" Void, Html b"html" Block, Iframe b"iframe" Skipped, Img b"img" Void,
    Input b"input" Void, Label b"label" Inline, Legend b"legend" Block, Li b"li" Block, Link b"link" Void, Main b"main" Block, Map b"map" Inline,
    Math b"math" Skipped, Menu b"menu" Block, Meta b"meta" Void, Nav b"nav" Block, Noembed b"noembed" Skipped, Noframes b"noframes" Skipped,
    Noscript b"noscript" Skipped, Object b"object" Inline, Ol b"ol" Block, Optgroup b"optgroup" Inline, Option b"option" Inline, P b"p" Block,
    Param b"param" Void, Picture b"picture" Inline, Pre b"pre" Block, Rp b"rp" Inline, Rt b"rt" Inline, Script b"script" Raw,
    Section b"section" Block, Select b"select" Skipped, Source b"source" Void, Span b"span" Inline, Style b"style" Raw,
    Summary b"summary" Block, Svg b"svg" Skipped, Table b"table" Block, Tbody b"tbody" Block, Td b"td" Block,
    Template b"template" Skipped, Textarea b"textarea" Skipped, Tfoot b"tfoot" Block, Th b"th" Block, Thead b"thead" Block, Time b"time" Inline,
    Title b"title" Skipped, Tr b"tr" Block, Track b"track" Void, Ul b"ul" Block, Video b"video" Inline, Wbr b"wbr" Void, Xmp b"xmp" Raw,
}
