//! The symbols: every kind of answer of a signer.

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$about])* $variant,)* }

        impl $name {
            /// Every value; the first is the good one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
        }
    )*};
}

attributes! {
    /// Whose key the leaf is for.
    Key {
        /// The node's.
        Ours,
        /// Another one.
        Other,
    }
    /// The subject of the leaf. The node requests `O=system:nodes, CN=system:node:node-1`.
    Name {
        /// Just that.
        Exact,
        /// Another node.
        Other,
        /// A node whose name begins with ours.
        Longer,
        /// A node whose name ours begins with.
        Shorter,
        /// Our name in capitals.
        OtherCase,
        /// One more organization.
        ExtraGroup,
        /// No organization.
        NoGroup,
        /// One more attribute, of a kind that is not in the request.
        ExtraAttribute,
    }
    /// The subject alternative names of the leaf. The node requests none.
    Sans {
        /// None.
        None,
        /// A DNS name.
        Dns,
        /// An IP address.
        Ip,
    }
    /// The extended key usages (RFC 5280, section 4.2.1.12). The node requests client authentication.
    Purpose {
        /// Client authentication.
        Client,
        /// Server authentication.
        Server,
        /// Client and server authentication.
        Both,
        /// No such extension.
        None,
        /// anyExtendedKeyUsage.
        Any,
    }
    /// The key usages (RFC 5280, section 4.2.1.3). The node requests digitalSignature.
    KeyUse {
        /// digitalSignature.
        Sign,
        /// digitalSignature and keyEncipherment.
        SignEncipher,
        /// digitalSignature and keyCertSign.
        SignCertify,
        /// No such extension.
        None,
    }
    /// The basic constraints (RFC 5280, section 4.2.1.9).
    Basic {
        /// No such extension.
        Absent,
        /// CA:FALSE.
        No,
        /// CA:TRUE.
        Yes,
    }
    /// The issuer of the leaf, and the other certificates in the answer.
    Path {
        /// The client CA.
        Root,
        /// The client CA, which comes with it.
        RootIncluded,
        /// An intermediate of the client CA, which comes with it.
        Intermediate,
        /// An intermediate of the client CA, which does not come with it.
        Missing,
        /// An external party certified by the client CA, who comes with it but is no CA.
        NotCa,
        /// An intermediate of the client CA whose key usage lacks keyCertSign, which comes with it.
        NoCertSign,
        /// Another CA.
        Other,
        /// Another CA, which comes with it.
        OtherWithRoot,
        /// Another CA; an intermediate of the client CA comes with it.
        OtherWithOurs,
        /// A CA with the name of the client CA and another key, which comes with it.
        Impostor,
        /// The leaf's own key.
        SelfSigned,
    }
    /// The validity periods. The issuer here is the certificate that signed the leaf, if the case has one.
    Dates {
        /// Valid: from some minutes ago, for an hour.
        Valid,
        /// The leaf is valid from the next minute on.
        StartsLater,
        /// The leaf expired a minute ago.
        Ended,
        /// The leaf expires soon.
        EndsSoon,
        /// The issuer expires before the leaf.
        AboveEndsEarlier,
        /// The issuer expired a minute ago.
        AboveEnded,
    }
    /// Whether the node knows a client CA.
    Trust {
        /// It does.
        ClientCa,
        /// It does not, and checks no path.
        Nothing,
    }
    /// How the certificates lie in the answer.
    Packing {
        /// The leaf, then the others.
        LeafFirst,
        /// The leaf twice, then the others.
        LeafTwice,
        /// The others, then the leaf.
        LeafLast,
    }
}

/// One answer of a signer to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Case {
    /// The owner of the key.
    pub key: Key,
    /// The subject.
    pub name: Name,
    /// The subject alternative names.
    pub sans: Sans,
    /// The extended key usages.
    pub purpose: Purpose,
    /// The key usages.
    pub key_use: KeyUse,
    /// The basic constraints.
    pub basic: Basic,
    /// Who signed it.
    pub path: Path,
    /// The validity periods.
    pub dates: Dates,
    /// The trusted client CA.
    pub trust: Trust,
    /// How the answer is packed.
    pub packing: Packing,
}

/// From the first second to the last, in seconds after [`super::NOW`]; negative before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The start.
    pub from: i64,
    /// The end.
    pub until: i64,
}

impl Window {
    /// Returns the intersection.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until) }
    }
}

/// Who has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// The node.
    Node,
    /// Another node.
    Stranger,
    /// The client CA.
    Root,
    /// An external party certified by the client CA.
    Intermediate,
    /// Another CA.
    OtherRoot,
    /// A CA with the name of the client CA.
    Impostor,
}

/// One certificate in symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cert {
    /// Whose key it is for.
    pub holder: Holder,
    /// The subject; none where it is the name that every CA has of its own.
    pub name: Option<Name>,
    /// The subject alternative names.
    pub sans: Sans,
    /// The extended key usages.
    pub purpose: Purpose,
    /// The key usages.
    pub key_use: KeyUse,
    /// The basic constraints.
    pub basic: Basic,
    /// Whose key signed it.
    pub issuer: Holder,
    /// When it is valid.
    pub window: Window,
}

const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

impl Case {
    /// The case that the bytes choose, attribute by attribute in the order of the fields. Every byte string is one; an
    /// attribute without a byte is good.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut bytes = bytes.iter().copied();
        Self {
            key: choose(Key::ALL, bytes.next()),
            name: choose(Name::ALL, bytes.next()),
            sans: choose(Sans::ALL, bytes.next()),
            purpose: choose(Purpose::ALL, bytes.next()),
            key_use: choose(KeyUse::ALL, bytes.next()),
            basic: choose(Basic::ALL, bytes.next()),
            path: choose(Path::ALL, bytes.next()),
            dates: choose(Dates::ALL, bytes.next()),
            trust: choose(Trust::ALL, bytes.next()),
            packing: choose(Packing::ALL, bytes.next()),
        }
    }

    /// Every leaf that can be described, on every path, and otherwise good.
    pub fn leaves() -> impl Iterator<Item = Self> {
        every(|index| {
            let mut digits = Digits(index);
            let case = Self {
                key: digits.next(Key::ALL),
                name: digits.next(Name::ALL),
                sans: digits.next(Sans::ALL),
                purpose: digits.next(Purpose::ALL),
                key_use: digits.next(KeyUse::ALL),
                basic: digits.next(Basic::ALL),
                path: digits.next(Path::ALL),
                ..Self::of_bytes(&[])
            };
            digits.end(case)
        })
    }

    /// Every path at every time, trusted or not and packed in every way, with every leaf that a path can depend on.
    pub fn paths() -> impl Iterator<Item = Self> {
        every(|index| {
            let mut digits = Digits(index);
            let case = Self {
                key: digits.next(Key::ALL),
                purpose: digits.next(Purpose::ALL),
                basic: digits.next(Basic::ALL),
                path: digits.next(Path::ALL),
                dates: digits.next(Dates::ALL),
                trust: digits.next(Trust::ALL),
                packing: digits.next(Packing::ALL),
                ..Self::of_bytes(&[])
            };
            digits.end(case)
        })
    }

    /// The certificates of the answer, in its order.
    #[must_use]
    pub fn answer(&self) -> Vec<Cert> {
        let leaf = self.leaf();
        let others: &[Cert] = match self.path {
            Path::Root | Path::Missing | Path::Other | Path::SelfSigned => &[],
            Path::RootIncluded => &[self.root()],
            Path::Intermediate | Path::NotCa | Path::NoCertSign | Path::OtherWithOurs => {
                &[self.intermediate()]
            }
            Path::OtherWithRoot => {
                &[Cert { holder: Holder::OtherRoot, issuer: Holder::OtherRoot, ..self.root() }]
            }
            Path::Impostor => &[Cert { holder: Holder::Impostor, issuer: Holder::Impostor, ..self.root() }],
        };
        match self.packing {
            Packing::LeafFirst => [&[leaf], others].concat(),
            Packing::LeafTwice => [&[leaf, leaf], others].concat(),
            Packing::LeafLast => [others, &[leaf]].concat(),
        }
    }

    /// The certificate of the client CA.
    #[must_use]
    pub fn root(&self) -> Cert {
        let signs = !matches!(self.path, Path::Intermediate | Path::NotCa | Path::NoCertSign | Path::Missing);
        Cert {
            holder: Holder::Root,
            name: None,
            sans: Sans::None,
            purpose: Purpose::None,
            key_use: KeyUse::SignCertify,
            basic: Basic::Yes,
            issuer: Holder::Root,
            window: if signs { self.above() } else { LONG },
        }
    }

    fn intermediate(&self) -> Cert {
        Cert {
            holder: Holder::Intermediate,
            key_use: if self.path == Path::NoCertSign { KeyUse::Sign } else { KeyUse::SignCertify },
            basic: if self.path == Path::NotCa { Basic::No } else { Basic::Yes },
            window: if self.path == Path::OtherWithOurs { LONG } else { self.above() },
            ..self.root()
        }
    }

    fn leaf(&self) -> Cert {
        let holder = if self.key == Key::Ours { Holder::Node } else { Holder::Stranger };
        let issuer = match self.path {
            Path::Root | Path::RootIncluded => Holder::Root,
            Path::Intermediate | Path::Missing | Path::NotCa | Path::NoCertSign => Holder::Intermediate,
            Path::Other | Path::OtherWithRoot | Path::OtherWithOurs => Holder::OtherRoot,
            Path::Impostor => Holder::Impostor,
            Path::SelfSigned => holder,
        };
        let (from, until) = match self.dates {
            Dates::Valid | Dates::AboveEndsEarlier | Dates::AboveEnded => (-300, HOUR),
            Dates::StartsLater => (60, HOUR),
            Dates::Ended => (-300, -60),
            Dates::EndsSoon => (-300, 30),
        };
        Cert {
            holder,
            name: Some(self.name),
            sans: self.sans,
            purpose: self.purpose,
            key_use: self.key_use,
            basic: self.basic,
            issuer,
            window: Window { from, until },
        }
    }

    /// The validity period of the issuer.
    const fn above(&self) -> Window {
        let until = match self.dates {
            Dates::Valid | Dates::StartsLater | Dates::Ended | Dates::EndsSoon => YEAR,
            Dates::AboveEndsEarlier => 1200,
            Dates::AboveEnded => -60,
        };
        Window { from: LONG.from, until }
    }
}

/// The validity period of a CA that the dates of a case do not concern.
const LONG: Window = Window { from: -24 * HOUR, until: YEAR };

fn choose<T: Copy>(all: &[T], byte: Option<u8>) -> T {
    all[usize::from(byte.unwrap_or(0)) % all.len()]
}

/// Yields the cases of the indices 0, 1, … up to the first `None`.
fn every(of_index: impl Fn(usize) -> Option<Case>) -> impl Iterator<Item = Case> {
    (0..).map_while(of_index)
}

/// A number whose digits choose attributes: each combination is one number, and each smaller number is one.
struct Digits(usize);

impl Digits {
    fn next<T: Copy>(&mut self, all: &[T]) -> T {
        let digit = self.0 % all.len();
        self.0 /= all.len();
        all[digit]
    }

    /// The case, unless the number was too large.
    fn end(&self, case: Case) -> Option<Case> {
        (self.0 == 0).then_some(case)
    }
}
