//! The search for an order (Wing and Gong's, with the states that were met remembered).

use std::collections::HashSet;
use std::fmt::Write as _;

use session_reference::lineage::{Lineage, Standing};

use crate::common::{Answer, data};

/// What a client asked of one session. Tokens by number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operation {
    Refresh(usize),
    Verify(usize),
    Write(u64),
    Read,
    Delete,
}

/// A request and its reply.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) operation: Operation,
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) answer: Answer,
    pub(crate) detail: Option<String>,
}

/// A session between two requests.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    live: bool,
    current: usize,
    data: Option<u64>,
}

/// Finds an order; `Ok` is the number of states that were looked at.
pub(crate) fn search(events: &[Event], lineage: &Lineage) -> Result<u64, String> {
    assert!(
        events.len() <= 64,
        "a history of more than 64 events is too long to search"
    );
    let mut seen = HashSet::new();
    let start = State {
        live: true,
        current: 0,
        data: None,
    };
    let everything = (events.len() as u32)
        .checked_sub(1)
        .map_or(0, |last| u64::MAX >> (63 - last));
    let mut stack = vec![(0_u64, start)];
    let mut furthest = 0;
    while let Some((done, state)) = stack.pop() {
        if !seen.insert((done, state.clone())) {
            continue;
        }
        let open = |i: usize| done & (1 << i) == 0;
        // Whoever ends first among those left bounds what may come next.
        let bound = (0..events.len())
            .filter(|i| open(*i) && !events[*i].answer.is_unknown())
            .map(|i| events[i].end)
            .min();
        let Some(bound) = bound else {
            return Ok(seen.len() as u64);
        };
        furthest = furthest.max((done & everything).count_ones());
        for i in (0..events.len()).filter(|i| open(*i) && events[*i].begin < bound) {
            stack.extend(step(&state, &events[i], lineage).map(|next| (done | 1 << i, next)));
            let before_its_end = before_the_end(&state, &events[i], events, lineage);
            stack.extend(before_its_end.map(|next| (done | 1 << i, next)));
        }
    }
    Err(format!(
        "no order of these {} events ({furthest} can be placed)",
        events.len()
    ))
}

/// The state after an event that others may have seen, and whose session was deleted before it looked what became of it:
/// then `UNAUTHORISED` is as true as `OK`.
fn before_the_end(
    state: &State,
    event: &Event,
    events: &[Event],
    lineage: &Lineage,
) -> Option<State> {
    let deleted = |other: &Event| other.operation == Operation::Delete && other.begin < event.end;
    if !state.live || event.answer != Answer::Unauthorised || !events.iter().any(deleted) {
        return None;
    }
    let mut next = state.clone();
    match event.operation {
        Operation::Write(value) => next.data = Some(value),
        Operation::Refresh(token) | Operation::Verify(token)
            if lineage.standing(token, state.current) == Standing::Child =>
        {
            next.current = token;
        }
        _ => return None,
    }
    Some(next)
}

/// The state after an event, if the event's answer fits the state.
fn step(state: &State, event: &Event, lineage: &Lineage) -> Option<State> {
    let unknown = event.answer.is_unknown();
    let fits = |answer: Answer| unknown || event.answer == answer;
    let detail = event.detail.as_deref();
    let mut next = state.clone();
    let ok = match event.operation {
        Operation::Refresh(token) => match lineage.standing(token, state.current) {
            _ if !state.live => fits(Answer::Unauthorised),
            Standing::Current => fits(Answer::Ok),
            Standing::Child => {
                next.current = token;
                fits(Answer::Ok)
            }
            Standing::Ahead => fits(Answer::Unauthorised),
            // Within a slot a race gets the current token, if that comes from the one it presented.
            Standing::Old => {
                let current = state.current.to_string();
                let mut ancestors = lineage.ancestors(state.current);
                let raced = ancestors.any(|ancestor| ancestor == token);
                fits(Answer::Theft) || (raced && detail == Some(&*current))
            }
        },
        // Without a parent there is nothing to look up: good whatever became of the session.
        Operation::Verify(token) if lineage.parent(token).is_none() => fits(Answer::Ok),
        Operation::Verify(token) => {
            let standing = lineage.standing(token, state.current);
            match standing {
                _ if !state.live => fits(Answer::Unauthorised),
                Standing::Current | Standing::Child => {
                    next.current = token;
                    fits(Answer::Ok) && (unknown || detail == Some("replaced"))
                }
                _ => fits(Answer::TryRefreshToken),
            }
        }
        Operation::Write(value) => {
            if state.live {
                next.data = Some(value);
            }
            fits(if state.live {
                Answer::Ok
            } else {
                Answer::Unauthorised
            })
        }
        Operation::Read if state.live => {
            let text = state.data.map_or("0".to_owned(), data);
            fits(Answer::Ok) && (unknown || detail == Some(&*text))
        }
        Operation::Read => fits(Answer::Unauthorised),
        Operation::Delete => {
            next.live = false;
            fits(Answer::Ok)
                && (unknown || detail == Some(if state.live { "true" } else { "false" }))
        }
    };
    ok.then_some(next)
}

/// The events, one a line, by their beginnings.
pub(crate) fn transcript(events: &[Event]) -> String {
    let mut events: Vec<_> = events.iter().collect();
    events.sort_by_key(|event| event.begin);
    events.iter().fold(String::new(), |mut text, event| {
        let Event {
            operation,
            begin,
            end,
            answer,
            detail,
        } = event;
        let detail = detail.as_deref().unwrap_or("");
        writeln!(text, "{begin:4}-{end:<4} {operation:?} {answer:?} {detail}")
            .expect("a String takes all");
        text
    })
}
