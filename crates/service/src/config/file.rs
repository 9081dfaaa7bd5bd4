use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

use super::error::{ConfigError, Fault, closest};

/// Flags that make no sense in a file.
const NOT_IN_A_FILE: [&str; 3] = ["config", "help", "version"];

/// Makes the values of a TOML file the defaults of the command that `path` leads to; an empty path is `command`
/// itself. The same file may also speak of other commands that take `--config`.
///
/// # Errors
/// Names every unknown key and table with the known one closest to it, and every bad value.
pub fn with_file(mut command: Command, path: &[String], text: &str) -> Result<Command, ConfigError> {
    let file: Table = toml::from_str(text).map_err(|error| not_toml(text, &error))?;
    let mut faults = unknown_names(&file, &readers(&command));
    if let Some(chosen) = descend(&mut command, path) {
        let name = chosen.get_name().to_owned();
        let own = file.get(&name).and_then(Value::as_table);
        faults.extend(set_defaults(chosen, "", &file));
        faults.extend(own.into_iter().flat_map(|own| set_defaults(chosen, &format!("{name}."), own)));
    }
    ConfigError::unless_empty(faults).map(|()| command)
}

/// The parser's own message would quote the line, and with it perhaps a secret.
fn not_toml(text: &str, error: &toml::de::Error) -> Fault {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    Fault::NotToml { line: before.matches('\n').count() + 1, reason: error.message().to_owned() }
}

/// The commands that a file may speak of: those that take one.
fn readers(command: &Command) -> Vec<&Command> {
    let reads = command.get_arguments().any(|arg| arg.get_long() == Some("config"));
    reads.then_some(command).into_iter().chain(command.get_subcommands().flat_map(readers)).collect()
}

fn descend<'a>(command: &'a mut Command, path: &[String]) -> Option<&'a mut Command> {
    path.iter().try_fold(command, |command, name| command.find_subcommand_mut(name))
}

fn unknown_names(file: &Table, commands: &[&Command]) -> Vec<Fault> {
    let names: Vec<String> = commands.iter().map(|command| command.get_name().to_owned()).collect();
    let all_keys: Vec<String> = commands.iter().copied().flat_map(keys).collect();
    let faults = file.iter().flat_map(|(name, value)| match value {
        Value::Table(table) => match commands.iter().find(|command| command.get_name() == name) {
            Some(command) => unknown_keys(&format!("{name}."), table.keys(), &keys(command)),
            None => vec![Fault::UnknownTable { table: name.clone(), closest: closest(name, &names) }],
        },
        _ => unknown_keys("", [name], &all_keys),
    });
    faults.collect()
}

fn unknown_keys<'a>(
    section: &str,
    keys: impl IntoIterator<Item = &'a String>,
    known: &[String],
) -> Vec<Fault> {
    let unknown = keys.into_iter().filter(|key| !known.contains(key));
    unknown
        .map(|key| Fault::UnknownKey { key: format!("{section}{key}"), closest: closest(key, known) })
        .collect()
}

fn keys(command: &Command) -> Vec<String> {
    let longs = command.get_arguments().filter_map(Arg::get_long);
    longs.filter(|long| !NOT_IN_A_FILE.contains(long)).map(str::to_owned).collect()
}

/// Sets what `table` has for `command`, and tells which values it does not take.
fn set_defaults(command: &mut Command, section: &str, table: &Table) -> Vec<Fault> {
    let known = keys(command);
    let mut faults = Vec::new();
    for (key, value) in table.iter().filter(|(key, value)| known.contains(key) && !value.is_table()) {
        if let Err(reason) = set_default(command, key, value) {
            faults.push(Fault::BadValue { key: format!("{section}{key}"), reason });
        }
    }
    faults
}

fn set_default(command: &mut Command, key: &str, value: &Value) -> Result<(), String> {
    let Some(arg) = command.get_arguments().find(|arg| arg.get_long() == Some(key)) else { return Ok(()) };
    let id = arg.get_id().clone();
    let texts = texts(arg, value)?;
    if arg.get_action().takes_values() {
        texts.iter().try_for_each(|text| accepted(command, key, text))?;
    }
    *command = std::mem::take(command).mut_arg(id, |arg| {
        let secret = arg.is_hide_env_values_set();
        arg.required(false).default_values(texts).hide_default_value(secret)
    });
    Ok(())
}

/// A value as it would stand on the command line, several for a flag that may be repeated.
fn texts(arg: &Arg, value: &Value) -> Result<Vec<String>, String> {
    match (arg.get_action(), value) {
        (ArgAction::Set, value) => Ok(vec![text(value)?]),
        (ArgAction::Append, Value::Array(values)) => values.iter().map(text).collect(),
        (ArgAction::Append, value) => Ok(vec![text(value)?]),
        (ArgAction::SetTrue | ArgAction::SetFalse, Value::Boolean(_)) => Ok(vec![text(value)?]),
        (ArgAction::SetTrue | ArgAction::SetFalse, _) => Err("must be true or false".to_owned()),
        _ => Err("cannot be set in a file".to_owned()),
    }
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) | Value::Table(_) => Err("must be one value".to_owned()),
        value => Ok(value.to_string()),
    }
}

/// Whether the flag takes the value: `clap` itself is asked, with nothing else to complain about.
fn accepted(command: &Command, key: &str, text: &str) -> Result<(), String> {
    let alone = command.clone().no_binary_name(true).mut_args(|arg| arg.env(Resettable::Reset));
    match alone.try_get_matches_from([format!("--{key}={text}")]) {
        Err(error) if is_about_a_value(error.kind()) => Err(reason(&error)),
        _ => Ok(()),
    }
}

fn is_about_a_value(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidValue
            | ErrorKind::ValueValidation
            | ErrorKind::NoEquals
            | ErrorKind::TooManyValues
            | ErrorKind::TooFewValues
            | ErrorKind::WrongNumberOfValues
    )
}

/// The first paragraph of `clap`'s message, on one line.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    paragraph.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
}
