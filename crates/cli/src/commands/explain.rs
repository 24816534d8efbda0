//! `kinfold explain`: why an identifier is who it is, why two are one person or not, and why an attribute is what it is.

use std::path::PathBuf;

use clap::Args;
use kinfold_daemon::config::Config;
use kinfold_model::{Identifier, Keys, NodeId, PersonId};
use kinfold_profile::account::Accounts;
use kinfold_profile::disclosure::{self, Restricted};
use kinfold_stitch::explain::Graph;

use super::{Failure, load, say};
use crate::argument;
use crate::explain::attribute::Question;
use crate::explain::json::Terms;
use crate::explain::picture::{Picture, SHAPES_MAX};
use crate::explain::{Names, attribute, dot, svg, text};
use crate::privacy::export::disclosed;
use crate::run::now;
use crate::secret;
use crate::stores::{Shelves, Stores};

/// What to explain.
#[derive(Args)]
pub struct Explain {
    /// An identifier as a source would write it, `namespace:value`, or its node id (32 hex digits).
    first: String,
    /// Another one: are they one person, and why, or why not?
    second: Option<String>,
    /// Instead: why has the person of the identifier this value of this attribute, and which others were stated?
    #[arg(long, value_name = "NAME", conflicts_with_all = ["second", "dot", "svg"])]
    attribute: Option<String>,
    /// The configuration, a TOML file; every setting has a default.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
    /// The folder of `kinfold resolve --state`, or the state folder of the consumers; else the configured one.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long, group = "form")]
    json: bool,
    /// Print a picture as Graphviz text.
    #[arg(long, group = "form")]
    dot: bool,
    /// Print a picture as SVG.
    #[arg(long, group = "form")]
    svg: bool,
}

/// An identifier that was asked for.
struct Asked {
    node: NodeId,
    /// `None` when it was given by its node id.
    identifier: Option<Identifier>,
    /// In errors, which have no value in them.
    position: &'static str,
}

impl Explain {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = load(self.config.as_deref())?;
        let state = self.state.clone().unwrap_or_else(|| config.state.dir.clone());
        let positions = ["the first identifier", "the second identifier"].into_iter();
        let texts = std::iter::once(&self.first).chain(&self.second).zip(positions);
        let keys = Keys::new(&secret::find(&config, &state)?);
        let asked = texts.map(|(text, position)| Asked::read(text, position, &config, &keys));
        let asked: Vec<Asked> = asked.collect::<Result<_, Failure>>()?;
        let (stitch, facets) = (Stores::of_graph(&state, &config)?, Stores::of_facets(&state, &config)?);
        let (stitch, facets) = (stitch.shelves(), facets.shelves());
        let graph = Graph::new(stitch.iter().map(Option::as_deref).collect(), &config.rules, &keys);
        let answer = match (&self.attribute, asked.as_slice()) {
            (Some(name), [one, ..]) => {
                let people = Stores::of_people(&state, &config)?;
                self.explain_attribute((&graph, &facets), &people, (one, name.as_str()), &config)?
            }
            _ => {
                let restricted =
                    |person: PersonId| disclosed(&state, &config, person).map(|held| held.restricted());
                self.answer(&graph, &facets, &asked, (&config, &restricted))?
            }
        };
        say(answer)
    }

    fn explain_attribute(
        &self,
        (graph, facets): (&Graph<'_>, &Shelves<'_>),
        people: &Stores,
        (asked, name): (&Asked, &str),
        config: &Config,
    ) -> Result<String, Failure> {
        let portrait =
            graph.identifier(asked.node).map_err(Failure::fault)?.ok_or_else(|| asked.unknown())?;
        let person = portrait.person.ok_or_else(|| {
            Failure::Fault(format!("{} belongs to nobody, so nothing is known of them", asked.position))
        })?;
        let mut accounts = Accounts::default();
        people.each(&mut |state| {
            for (key, value) in state.scan(&disclosure::prefix(person)).map_err(Failure::fault)? {
                accounts.take(&key, &value).map_err(Failure::fault)?;
            }
            Ok(())
        })?;
        let account = accounts.of(name, &config.survivorship, now()).ok_or_else(|| unstated(&accounts))?;
        let mut names = Names::new(graph, facets, &config.rules);
        if let Some(identifier) = &asked.identifier {
            names.tell(asked.node, identifier.clone());
        }
        names.learn_portrait(&portrait).map_err(Failure::fault)?;
        let terms = Terms { names: &names, rules: &config.rules };
        let (label, identifier) = (names.label(&portrait.name), terms.name(&portrait.name));
        let question = Question { label, identifier, person, name };
        Ok(match self.form() {
            Form::Json => format!("{:#}", attribute::object(&question, &account)),
            _ => attribute::text(&question, &account),
        })
    }

    fn answer(
        &self,
        graph: &Graph<'_>,
        facets: &Shelves<'_>,
        asked: &[Asked],
        (config, restricted): (&Config, &Lookup<'_>),
    ) -> Result<String, Failure> {
        let rules = &config.rules;
        let mut names = Names::new(graph, facets, rules);
        for Asked { node, identifier, .. } in asked {
            if let Some(identifier) = identifier {
                names.tell(*node, identifier.clone());
            }
        }
        match asked {
            [first, second, ..] => {
                let path = graph.path(first.node, second.node).map_err(Failure::fault)?;
                let unknown = |node| if node == first.node { first.unknown() } else { second.unknown() };
                let path = path.map_err(unknown)?;
                names.learn_path(&path).map_err(Failure::fault)?;
                let terms = Terms { names: &names, rules };
                match self.form() {
                    Form::Text => Ok(text::path(&path, &names, rules)),
                    Form::Json => Ok(format!("{:#}", terms.path(&path))),
                    Form::Dot => Ok(dot::draw(&Picture::of_path(&path, &names))),
                    Form::Svg => svg::draw(&Picture::of_path(&path, &names)),
                }
            }
            [one] => self.explain_one(graph, one, names, (config, restricted)),
            [] => Err(Failure::Usage("name an identifier".to_owned())),
        }
    }

    fn explain_one(
        &self,
        graph: &Graph<'_>,
        asked: &Asked,
        mut names: Names<'_>,
        (config, restricted): (&Config, &Lookup<'_>),
    ) -> Result<String, Failure> {
        let rules = &config.rules;
        let portrait =
            graph.identifier(asked.node).map_err(Failure::fault)?.ok_or_else(|| asked.unknown())?;
        if matches!(self.form(), Form::Dot | Form::Svg) {
            let sketch = graph.sketch(asked.node, SHAPES_MAX).map_err(Failure::fault)?;
            names.learn_sketch(&sketch).map_err(Failure::fault)?;
            let picture = Picture::of_person(&sketch, &names);
            return if self.dot { Ok(dot::draw(&picture)) } else { svg::draw(&picture) };
        }
        names.learn_portrait(&portrait).map_err(Failure::fault)?;
        let terms = Terms { names: &names, rules };
        // Nobody is not restricted.
        let restricted = portrait.person.map_or(Ok(Restricted::No), restricted)?;
        Ok(match self.form() {
            Form::Json => format!("{:#}", terms.portrait(&portrait, restricted)),
            _ => text::portrait(&portrait, restricted, &names, rules),
        })
    }

    fn form(&self) -> Form {
        match (self.json, self.dot, self.svg) {
            (true, ..) => Form::Json,
            (_, true, _) => Form::Dot,
            (_, _, true) => Form::Svg,
            _ => Form::Text,
        }
    }
}

/// Whether somebody may be used for nothing, as far as it is known on this machine.
type Lookup<'l> = dyn Fn(PersonId) -> Result<Restricted, Failure> + 'l;

/// The names of attributes are no values.
fn unstated(accounts: &Accounts) -> Failure {
    let names: Vec<&str> = accounts.names().collect();
    Failure::Fault(if names.is_empty() {
        "nobody stated any attribute of this person, or their state is on another machine; look where kinfold-profile runs"
            .to_owned()
    } else {
        format!("nobody stated this attribute of this person; there are {}", names.join(", "))
    })
}

/// What is printed.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Json,
    Dot,
    Svg,
}

impl Asked {
    /// # Errors
    /// When this is no identifier that a touchpoint could have. The value is not repeated.
    fn read(text: &str, position: &'static str, config: &Config, keys: &Keys) -> Result<Self, Failure> {
        if let Ok(node) = text.parse::<NodeId>() {
            if node.is_sighting() {
                let what = "is the node of a sighting; name one of its identifiers";
                return Err(Failure::Usage(format!("{position} {what}")));
            }
            return Ok(Self { node, identifier: None, position });
        }
        let named = argument::identifier(position, text, config, keys)?;
        let identifier = named.value.map(|value| Identifier { namespace: named.namespace, value });
        Ok(Self { node: named.node, identifier, position })
    }

    fn unknown(&self) -> Failure {
        Failure::Fault(format!(
            "nothing was ever seen of {} under this configuration and secret; look at its spelling, at --state and --config",
            self.position
        ))
    }
}
