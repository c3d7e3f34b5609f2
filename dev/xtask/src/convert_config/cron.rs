//! Cron expressions of node-cron 2 as those of Spin's cron trigger: both have six fields, seconds first, but a
//! weekday's number means another day, and a range of the trigger begins with Sunday and does not wrap.

use std::str::FromStr as _;

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The same times, with days of the week as names; a missing field of seconds is `0`.
///
/// # Errors
/// If the trigger would not take it.
pub(super) fn convert(expression: &str) -> Result<String, String> {
    let mut fields: Vec<String> = expression
        .split_whitespace()
        .map(str::to_uppercase)
        .collect();
    if fields.len() == 5 {
        fields.insert(0, "0".to_owned());
    }
    let [_, _, _, _, _, weekdays] = &mut fields[..] else {
        return Err(format!("{expression:?} has not six fields, seconds first"));
    };
    let items: Result<Vec<_>, _> = weekdays.split(',').map(days).collect();
    *weekdays = items?.join(",");
    let converted = fields.join(" ");
    match cron::Schedule::from_str(&converted) {
        Ok(_) => Ok(converted),
        Err(error) => Err(format!("{expression:?} is invalid: {error}")),
    }
}

/// One item of the field: `*`, a day or a range of days, each perhaps with a step. What the trigger would not take in
/// this form becomes a list.
fn days(item: &str) -> Result<String, String> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    let (first, last) = match range.split_once('-') {
        _ if range == "*" => return Ok(item.to_owned()),
        Some(("0", "7")) => (0, WEEKDAYS.len() - 1),
        Some((first, last)) => (day(first)?, day(last)?),
        None if step.is_some() => (day(range)?, WEEKDAYS.len() - 1),
        None => return Ok(WEEKDAYS[day(range)?].to_owned()),
    };
    let count = (last + WEEKDAYS.len() - first) % WEEKDAYS.len() + 1;
    let step = match step.map_or(Ok(1), str::parse) {
        Ok(step @ 1..) => step,
        _ => return Err(format!("{item} has no step that is a number")),
    };
    let days = (first..first + count).step_by(step);
    let names: Vec<_> = days.map(|day| WEEKDAYS[day % WEEKDAYS.len()]).collect();
    Ok(if step == 1 && first < last {
        format!("{}-{}", WEEKDAYS[first], WEEKDAYS[last])
    } else {
        names.join(",")
    })
}

/// A day's place in the week; `0` and `7` are Sunday.
fn day(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number @ 0..=7) => Ok(number % 7),
        Ok(number) => Err(format!("there is no day {number} of the week")),
        Err(_) => {
            let position = WEEKDAYS.iter().position(|name| text.starts_with(name));
            position.ok_or_else(|| format!("there is no day {text} of the week"))
        }
    }
}
