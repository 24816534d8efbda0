//! JSON as a page that a person can read: one file without scripts, pictures or anything from elsewhere. Every text is escaped.

use serde_json::{Map, Value};

const STYLE: &str = "body{font:15px/1.5 sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#222}\
table{border-collapse:collapse;margin:.3em 0}td,th{border:1px solid #ccc;padding:.2em .6em;text-align:left;vertical-align:top}\
th{background:#f4f4f4;font-weight:600}h2{margin-top:2em}.none{color:#888}";

/// The page: a heading for each member of the object, in its order.
pub(crate) fn page(title: &str, content: &Map<String, Value>) -> String {
    let title = escaped(title);
    let sections: String = content
        .iter()
        .map(|(name, value)| format!("<h2>{}</h2>\n{}\n", escaped(&words(name)), shown(value)))
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{sections}</body>\n</html>\n"
    )
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => none(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => escaped(text),
        Value::Object(members) if members.is_empty() => none(),
        Value::Object(members) => {
            let row = |(name, value): (&String, &Value)| {
                format!("<tr><th>{}</th><td>{}</td></tr>\n", escaped(&words(name)), shown(value))
            };
            format!("<table>\n{}</table>", members.iter().map(row).collect::<String>())
        }
        Value::Array(items) if items.is_empty() => none(),
        Value::Array(items) => match items.iter().map(Value::as_object).collect::<Option<Vec<_>>>() {
            Some(rows) => rows_of(&rows),
            None => items.iter().map(shown).collect::<Vec<_>>().join("<br>\n"),
        },
    }
}

/// A table with a column for each name that any of the objects has.
fn rows_of(rows: &[&Map<String, Value>]) -> String {
    let mut columns: Vec<&String> = Vec::new();
    for name in rows.iter().flat_map(|row| row.keys()) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    let header: String = columns.iter().map(|name| format!("<th>{}</th>", escaped(&words(name)))).collect();
    let row = |row: &&Map<String, Value>| {
        let cell = |name: &&String| format!("<td>{}</td>", row.get(*name).map_or_else(none, shown));
        format!("<tr>{}</tr>\n", columns.iter().map(cell).collect::<String>())
    };
    format!("<table>\n<tr>{header}</tr>\n{}</table>", rows.iter().map(row).collect::<String>())
}

fn none() -> String {
    "<span class=\"none\">–</span>".to_owned()
}

/// `first_seen` as `first seen`.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && c != '\n' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_a_value_holds_stays_text() {
        let content = json!({ "a<b": "<script>alert('x')</script>", "rows": [{ "\"n\"": "&" }], "list": ["<i>", 5, null, true] });
        let page = page("<title>", content.as_object().expect("an object"));
        for tag in ["<script", "<i>", "<title><", "a<b", "\"n\"<"] {
            assert!(!page.contains(tag), "{tag}: {page}");
        }
        for text in
            ["&lt;script&gt;alert(&#39;x&#39;)", "&quot;n&quot;", "<td>&amp;</td>", "&lt;i&gt;<br>\n5", "yes"]
        {
            assert!(page.contains(text), "{text}: {page}");
        }
    }

    #[test]
    fn rows_that_differ_have_all_columns() {
        let content =
            json!({ "orders": [{ "order_id": "O-1", "items": 2 }, { "order_id": "O-2", "value": "9.90" }] });
        let page = page("all", content.as_object().expect("an object"));
        assert_eq!(page.matches("<th>").count(), 3, "{page}");
        assert!(page.contains("<th>order id</th>") && page.contains("<td>9.90</td>"), "{page}");
        assert_eq!(page.matches("class=\"none\"").count(), 2, "{page}");
    }
}
