//! Cron expressions of node-cron 2 as those of Spin's cron trigger: both have six fields, seconds first, but a
//! weekday's number means another day.

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The same times, with days of the week as names; a missing field of seconds is `0`.
pub(super) fn convert(expression: &str) -> Result<String, String> {
    let mut fields: Vec<String> = expression
        .split_whitespace()
        .map(str::to_uppercase)
        .collect();
    if fields.len() == 5 {
        fields.insert(0, "0".to_owned());
    }
    let [.., weekdays] = &mut fields[..] else {
        return Err("it is empty".to_owned());
    };
    *weekdays = names(weekdays)?;
    if fields.len() != 6 {
        return Err(format!("{expression:?} has not six fields, seconds first"));
    }
    Ok(fields.join(" "))
}

fn names(field: &str) -> Result<String, String> {
    let items = field.split(',').map(|item| {
        let (days, step) = match item.split_once('/') {
            Some((days, step)) => (days, format!("/{step}")),
            None => (item, String::new()),
        };
        let days: Result<Vec<_>, _> = days.split('-').map(name).collect();
        Ok(format!("{}{step}", days?.join("-")))
    });
    Ok(items.collect::<Result<Vec<_>, String>>()?.join(","))
}

/// `0` and `7` are Sunday there.
fn name(day: &str) -> Result<String, String> {
    match day.parse::<usize>() {
        Ok(number @ 0..=7) => Ok(WEEKDAYS[number % 7].to_owned()),
        Ok(number) => Err(format!("there is no day {number} of the week")),
        Err(_) => Ok(day.get(..3).unwrap_or(day).to_owned()),
    }
}
