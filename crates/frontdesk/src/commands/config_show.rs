//! `frontdesk config show`

use frontdesk_shell::printer::printable;
use frontdesk_shell::settings::{KEYS, Key, Origin};
use frontdesk_shell::{Exit, Failure, Format};
use serde::Serialize;

use crate::context::Context;

/// What stands in the place of a secret, whatever its length.
const MASK: &str = "********";

/// Where the settings were looked for: the first object.
#[derive(Serialize)]
struct Source<'a> {
    file: Option<String>,
    profile: Option<&'a str>,
}

impl Source<'_> {
    fn text(&self) -> String {
        match (&self.file, self.profile) {
            (Some(file), Some(profile)) => format!("profile {} of {}", printable(profile), printable(file)),
            (Some(file), None) => format!("no profile: {} has none called default", printable(file)),
            (None, _) => String::from("no configuration file"),
        }
    }
}

/// One setting, as scripts read it.
#[derive(Debug, PartialEq, Serialize)]
struct Line {
    setting: &'static str,
    /// Null where nothing sets it and it has no default.
    value: Option<String>,
    /// `flag`, `environment NAME`, `profile NAME of FILE`, `default`; null where there is no value.
    origin: Option<String>,
    about: &'static str,
}

impl Line {
    fn value(&self) -> String {
        self.value.as_deref().map_or_else(|| String::from("-"), printable)
    }

    /// A row of the table, whose first two columns are so wide.
    fn text(&self, widths: [usize; 2]) -> String {
        let [name, value] = widths;
        let origin = self.origin.as_deref().map_or_else(|| String::from("not set"), printable);
        format!("{:name$}  {:value$}  {origin}", self.setting, self.value())
    }
}

pub(crate) fn run(context: &Context<'_>) -> Result<Exit, Failure> {
    let settings = &context.settings;
    let source =
        Source { file: settings.file().map(|file| file.display().to_string()), profile: settings.profile() };
    context.printer.data(&source, Source::text)?;
    if context.printer.format() == Format::Text {
        context.printer.raw(b"\n")?;
    }
    let lines: Vec<Line> = KEYS.iter().map(|key| line(context, key)).collect();
    let widest = |of: fn(&Line) -> usize| lines.iter().map(of).max().unwrap_or_default();
    let widths = [widest(|line| line.setting.len()), widest(|line| line.value().chars().count())];
    for line in &lines {
        context.printer.data(line, |line| line.text(widths))?;
    }
    Ok(Exit::Done)
}

fn line(context: &Context<'_>, key: &Key) -> Line {
    let found = context.settings.value(key.name);
    let (value, origin) = match found {
        Some(value) => (Some(value.text().to_owned()), Some(value.origin().to_string())),
        // Its default depends on the environment, so the table of settings cannot have it.
        None if key.name == "data_dir" => {
            let usual = context.settings.data_dir(&context.environment).ok();
            let origin = usual.as_ref().map(|_| Origin::Default.to_string());
            (usual.map(|path| path.display().to_string()), origin)
        }
        None => (None, None),
    };
    Line { setting: key.name, value: value.map(|text| masked(key, text)), origin, about: key.about }
}

/// Never shows a secret: neither one that is the value, nor credentials within a URL.
fn masked(key: &Key, text: String) -> String {
    if key.secret {
        return MASK.to_owned();
    }
    let Some((scheme, rest)) = text.split_once("://") else { return text };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://{MASK}{}", &rest[at..]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_shell::{Environment, Printer};

    use super::*;
    use crate::args::GlobalArgs;

    fn lines(pairs: &[(&str, &str)]) -> Vec<Line> {
        let printer = Printer::new(Format::Json, true);
        let environment = Environment::from_iter(pairs.iter().copied());
        let context = Context::new(&GlobalArgs::default(), None, Vec::new(), environment, &printer).unwrap();
        KEYS.iter().map(|key| line(&context, key)).collect()
    }

    #[test]
    fn every_setting_is_shown_with_its_origin_and_secrets_are_not() {
        let shown = lines(&[
            ("HOME", "/h"),
            ("FRONTDESK_CLIENT_SECRET", "canary"),
            ("FRONTDESK_PROXY", "http://someone:canary@proxy.example:3128/"),
            ("GENESYS_CLIENT_ID", "documents"),
        ]);
        assert_eq!(shown.len(), KEYS.len());
        let of = |name: &str| shown.iter().find(|line| line.setting == name).unwrap();
        let said = |name: &str| (of(name).value.as_deref(), of(name).origin.as_deref());
        assert_eq!(said("client_secret"), (Some(MASK), Some("environment FRONTDESK_CLIENT_SECRET")));
        assert_eq!(said("proxy").0, Some("http://********@proxy.example:3128/"));
        assert_eq!(said("client_id"), (Some("documents"), Some("environment GENESYS_CLIENT_ID")));
        assert_eq!(said("data_dir"), (Some("/h/.local/share/frontdesk"), Some("default")));
        assert_eq!(said("look_back"), (Some("72h"), Some("default")));
        assert_eq!(said("base_url"), (None, None));
        assert!(!format!("{shown:?}").contains("canary"));
    }

    #[test]
    fn an_at_sign_in_a_path_is_no_password() {
        let key = KEYS.iter().find(|key| key.name == "base_url").unwrap();
        let text = |text: &str| masked(key, text.to_owned());
        assert_eq!(text("https://api.example/a@b"), "https://api.example/a@b");
        assert_eq!(text("https://u:p@w@api.example"), "https://********@api.example");
    }
}
