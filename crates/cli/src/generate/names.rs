//! Names and places to draw from. Each name stands beside its ASCII form, which e-mail addresses and handles use.
//! None holds a character that JSON would have to escape.

/// Given names, and family names, that go together more often than not.
pub(super) struct Culture {
    pub(super) given: [(&'static str, &'static str); 10],
    pub(super) family: [(&'static str, &'static str); 10],
}

/// Where people live.
pub(super) struct Country {
    pub(super) code: &'static str,
    pub(super) language: &'static str,
    pub(super) currency: &'static str,
    pub(super) jurisdiction: &'static str,
    /// Index of the culture most common there.
    pub(super) culture: u8,
    /// Of a hundred people.
    pub(super) share: u8,
    pub(super) cities: [(&'static str, &'static str); 5],
    pub(super) streets: [&'static str; 4],
}

/// Cultures; [`Country::culture`] counts in this order.
pub(super) const CULTURES: [Culture; 8] = [
    Culture {
        given: pairs("Anke Jörg/joerg Sabine Uwe Käthe/kaethe Lukas Greta Matthias Frieda Jonas"),
        family: pairs(
            "Brandt Kühn/kuehn Vogel Schäfer/schaefer Lorenz Pohl Busch Günther/guenther Ritter Seidel",
        ),
    },
    Culture {
        given: pairs(
            "Amélie/amelie Luc Chloé/chloe Théo/theo Manon Hugo Inès/ines Rémi/remi Camille Noé/noe",
        ),
        family: pairs("Lefèvre/lefevre Moreau Girard Dubois Rousseau Blanc Garnier Faure Lemoine Perrin"),
    },
    Culture {
        given: pairs("Alice Harry Imogen George Poppy Callum Fiona Rhys Moira Oliver"),
        family: pairs("Hughes Baxter Clarke Doyle Fraser Griffiths Holloway Marsh Pritchard Wren"),
    },
    Culture {
        given: pairs("Madison Tyler Brooke Mason Autumn Wyatt Savannah Jayden Harper Cody"),
        family: pairs("Carter Hayes Jenkins Mitchell Parker Reed Sanders Turner Walker Young"),
    },
    Culture {
        given: pairs("Åsa/asa Björn/bjoern Elin Göran/goeran Ingrid Lars Maja Nils Saga Tove"),
        family: pairs(
            "Lindqvist Åberg/aberg Ström/stroem Ekdahl Nyberg Sjöberg/sjoeberg Holm Dahl Wallin Forsberg",
        ),
    },
    Culture {
        given: pairs(
            "Ayşe/ayse Mehmet Elif Kemal Zeynep Çağlar/caglar Leyla Ömer/oemer Defne Şükran/suekran",
        ),
        family: pairs(
            "Yılmaz/yilmaz Demir Kaya Şahin/sahin Öztürk/oeztuerk Aydın/aydin Arslan Koç/koc Kurt Polat",
        ),
    },
    Culture {
        given: pairs(
            "Łucja/lucja Wojciech Małgorzata/malgorzata Piotr Zofia Paweł/pawel Agnieszka Jan Ewa Tomasz",
        ),
        family: pairs(
            "Nowak Wójcik/wojcik Zieliński/zielinski Mazur Król/krol Wróbel/wrobel Dudek Pająk/pajak Sikora Gąsior/gasior",
        ),
    },
    Culture {
        given: pairs("Priya Arjun Ngozi Chinedu Mei Wei Yuki Haruto Fatima Omar"),
        family: pairs("Patel Nair Okafor Adeyemi Chen Zhang Tanaka Sato Haddad Rahman"),
    },
];

/// Countries; a person's country is an index into them.
pub(super) const COUNTRIES: [Country; 6] = [
    Country {
        code: "DE",
        language: "de",
        currency: "EUR",
        jurisdiction: "gdpr",
        culture: 0,
        share: 36,
        cities: [
            ("Dresden", "01067"),
            ("Hamburg", "20095"),
            ("Köln", "50667"),
            ("München", "80331"),
            ("Kassel", "34117"),
        ],
        streets: ["Lange Str.", "Gartenweg", "Am Markt", "Schillerstraße"],
    },
    Country {
        code: "FR",
        language: "fr",
        currency: "EUR",
        jurisdiction: "gdpr",
        culture: 1,
        share: 20,
        cities: [
            ("Lyon", "69001"),
            ("Nîmes", "30000"),
            ("Brest", "29200"),
            ("Paris", "75011"),
            ("Dijon", "21000"),
        ],
        streets: ["rue des Lilas", "avenue de la Gare", "place du Marché", "rue Haute"],
    },
    Country {
        code: "GB",
        language: "en",
        currency: "GBP",
        jurisdiction: "uk_gdpr",
        culture: 2,
        share: 16,
        cities: [
            ("Leeds", "LS1"),
            ("Cardiff", "CF10"),
            ("Glasgow", "G1"),
            ("London", "SE1"),
            ("Norwich", "NR1"),
        ],
        streets: ["Mill Lane", "Station Road", "Church Street", "The Crescent"],
    },
    Country {
        code: "US",
        language: "en",
        currency: "USD",
        jurisdiction: "ccpa",
        culture: 3,
        share: 10,
        cities: [
            ("Fresno", "93721"),
            ("Oakland", "94612"),
            ("San Diego", "92101"),
            ("Chico", "95928"),
            ("Eureka", "95501"),
        ],
        streets: ["Maple Avenue", "2nd Street", "Sunset Drive", "Orchard Road"],
    },
    Country {
        code: "SE",
        language: "sv",
        currency: "SEK",
        jurisdiction: "gdpr",
        culture: 4,
        share: 6,
        cities: [
            ("Malmö", "211 18"),
            ("Umeå", "903 26"),
            ("Uppsala", "753 20"),
            ("Lund", "222 22"),
            ("Örebro", "702 11"),
        ],
        streets: ["Storgatan", "Björkvägen", "Kyrkogatan", "Sjövägen"],
    },
    Country {
        code: "AU",
        language: "en",
        currency: "AUD",
        jurisdiction: "privacy_act_1988",
        culture: 2,
        share: 12,
        cities: [
            ("Sydney", "2000"),
            ("Hobart", "7000"),
            ("Perth", "6000"),
            ("Ballarat", "3350"),
            ("Cairns", "4870"),
        ],
        streets: ["Wattle Street", "Beach Road", "Banksia Court", "High Street"],
    },
];

/// Ten names with spaces between them; `Jörg/joerg` is a name and its ASCII form, `Anke` is its own but for the case.
const fn pairs(text: &'static str) -> [(&'static str, &'static str); 10] {
    let mut found = [("", ""); 10];
    let mut rest = text;
    let mut index = 0;
    while index < 10 {
        let (word, after) = cut(rest, b' ');
        let (name, ascii) = cut(word, b'/');
        found[index] = (name, if ascii.is_empty() { name } else { ascii });
        rest = after;
        index += 1;
    }
    assert!(rest.is_empty(), "a list holds ten names");
    found
}

/// The text before and after the first `byte`; all of it and nothing when there is none.
const fn cut(text: &'static str, byte: u8) -> (&'static str, &'static str) {
    let mut at = 0;
    while at < text.len() {
        if text.as_bytes()[at] == byte {
            let (before, after) = text.split_at(at);
            return (before, after.split_at(1).1);
        }
        at += 1;
    }
    (text, "")
}
