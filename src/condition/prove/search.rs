//! Searches for results of a condition's comparisons that make the condition true, or not true.
//!
//! A goal "`a AND b` is true" is split into goals for both parts. A goal "`a OR b` is true" is a choice.
//! Goals without a choice are processed first. Then the choice with the fewest open alternatives is made,
//! and undone if it cannot be fulfilled (backtracking, as in DPLL).
//!
//! A state keeps, for each comparison, the set of results that it may still have. Each goal makes the set
//! of some comparison smaller. After each change the attributes of the changed comparisons are solved, so
//! that a contradiction is found before more choices are made.

use std::{collections::HashMap, rc::Rc};

use super::{
    attribute_solver::{self, Answer, Given, Requirement},
    budget::Budget,
    example::{Example, Found},
    family::{Domain, Family},
    predicate::Truths,
    problem::{Atom, Node, Problem},
};
use crate::condition::{Condition, Request, Value, eval};

/// A part of the condition and its required results.
type Goal<'n> = (&'n Node, Truths);

/// Parts with a required result for at least one of them.
#[derive(Clone, Copy)]
struct Choice<'n> {
    parts: &'n [Node],
    wanted: Truths,
}

/// The requirements that the choices made so far have led to.
///
/// States are copied at each choice, so that undoing a choice is dropping a copy. Conditions have at most
/// some hundred comparisons, so a copy is cheap.
#[derive(Clone)]
struct State<'n> {
    /// The results that each atom may still have.
    wanted: Vec<Truths>,
    /// The choices that were not made yet.
    choices: Vec<Choice<'n>>,
}

/// A choice that was made: the state before it, and the alternatives that were not tried yet.
///
/// These points are the stack of the search.
struct Point<'n> {
    state: State<'n>,
    untried: std::vec::IntoIter<Goal<'n>>,
}

/// The key of a cached answer: an attribute, and the required results of its atoms.
type Question = (usize, Vec<(usize, Truths)>);

/// A search over the states.
struct Search<'p, 'b> {
    problem: &'p Problem<'p>,
    family: &'p Family,
    conditions: &'p [&'p Condition],
    /// Whether the search is for a request that a condition allows, or for one that none allows.
    allowed: bool,
    budget: &'b mut Budget,
    /// Answers for attributes. Most choices do not change most attributes.
    answers: HashMap<Question, Rc<Answer>>,
}

/// Searches for a request of the family that one of the conditions allows, or that none of them allows.
///
/// With `allowed`, all goals are "true", so pass one condition. Without it, all goals are "not true", for
/// any number of conditions.
pub(super) fn search(
    conditions: &[&Condition],
    family: &Family,
    allowed: bool,
    budget: &mut Budget,
) -> Found {
    // With a budget that is used up already, nothing can be proved.
    if !budget.spend(1) {
        return Found::Unproved;
    }
    let mut problem = Problem::default();
    let nodes: Vec<Node> =
        conditions.iter().map(|condition| problem.add(condition.root(), family)).collect();
    if !budget.spend(problem.cost) {
        return Found::Unproved;
    }
    let wanted = if allowed { Truths::TRUE } else { Truths::NOT_TRUE };
    let goals = nodes.iter().map(|node| (node, wanted)).collect();
    let problem = &problem;
    Search { problem, family, conditions, allowed, budget, answers: HashMap::new() }.run(goals)
}

impl<'p> Search<'p, '_> {
    /// Processes goals and choices until there is an example, or no alternative is left.
    ///
    /// The loop is iterative, because the depth of choices is only bounded by the budget.
    fn run(&mut self, goals: Vec<Goal<'p>>) -> Found {
        let mut state =
            State { wanted: vec![Truths::ANY; self.problem.atoms.len()], choices: Vec::new() };
        let mut todo = goals;
        let mut points: Vec<Point<'p>> = Vec::new();
        let mut unproved = false;
        loop {
            if self.is_possible(&mut state, todo) {
                match self.narrowest(&state) {
                    Some((at, parts)) => {
                        state.choices.swap_remove(at);
                        points.push(Point { state, untried: parts.into_iter() });
                    }
                    None => match self.example(&state) {
                        Some(example) => return Found::Example(example),
                        None => unproved = true,
                    },
                }
            }
            let choices = points.last().map_or(0, |point| point.state.choices.len());
            if !self.budget.spend(1 + self.problem.atoms.len() / 8 + 4 * choices) {
                return Found::Unproved;
            }
            (state, todo) = loop {
                let Some(point) = points.last_mut() else {
                    return if unproved { Found::Unproved } else { Found::None };
                };
                match point.untried.next() {
                    // The last alternative takes the state without a copy.
                    Some(goal) if point.untried.len() > 0 => {
                        break (point.state.clone(), vec![goal]);
                    }
                    Some(goal) => match points.pop() {
                        Some(point) => break (point.state, vec![goal]),
                        None => return Found::Unproved,
                    },
                    // Dropping the point undoes its choice.
                    None => drop(points.pop()),
                }
            };
        }
    }

    /// Processes goals and everything that follows from them without a choice; returns whether they can
    /// be fulfilled.
    ///
    /// The outer loop ends when a round adds no goal. Each round narrows at least one set of results, so
    /// there are finitely many.
    fn is_possible(&mut self, state: &mut State<'p>, mut todo: Vec<Goal<'p>>) -> bool {
        loop {
            let mut changed = Vec::new();
            while let Some((node, wanted)) = todo.pop() {
                if !self.budget.spend(1) {
                    // The caller finds the budget used up too, so this does not count as a proof.
                    return false;
                }
                let (parts, each) = match node {
                    Node::Constant(truth) if wanted.has(*truth) => continue,
                    Node::Constant(_) => return false,
                    Node::Not(part) => {
                        todo.push((part, wanted.negated()));
                        continue;
                    }
                    Node::Atom(atom) => {
                        let Some(granted) = state.wanted.get_mut(*atom) else { return false };
                        let both = granted.and(wanted);
                        // An empty intersection contradicts an earlier goal.
                        if both.is_empty() {
                            return false;
                        }
                        if both != *granted {
                            *granted = both;
                            changed.extend(self.variables_of(*atom));
                        }
                        continue;
                    }
                    // All parts of an `AND` must be true, but one part is enough to make it not true.
                    Node::All(parts) => (parts, wanted.is_within(Truths::NOT_FALSE)),
                    Node::Any(parts) => (parts, wanted.is_within(Truths::NOT_TRUE)),
                };
                if each {
                    todo.extend(parts.iter().map(|part| (part, wanted)));
                } else {
                    state.choices.push(Choice { parts, wanted });
                }
            }
            // Solves every attribute whose requirements changed, at most once for each round.
            changed.sort_unstable();
            changed.dedup();
            for variable in changed {
                // Undecided attributes do not end the branch. They only keep it from counting as a proof.
                if matches!(*self.answer(state, variable), Answer::No) {
                    return false;
                }
            }
            // A choice with one open alternative is a goal.
            let mut kept = Vec::new();
            for choice in std::mem::take(&mut state.choices) {
                if !self.budget.spend(choice.parts.len()) {
                    return false;
                }
                let mut open = choice.parts.iter().filter(|part| {
                    granted(state, part).is_none_or(|now| !now.and(choice.wanted).is_empty())
                });
                // An alternative that already has a required result makes the choice redundant.
                let done = |part: &&Node| {
                    granted(state, part).is_some_and(|now| now.is_within(choice.wanted))
                };
                if choice.parts.iter().any(|part| done(&part)) {
                    continue;
                }
                match (open.next(), open.next()) {
                    (None, _) => return false,
                    (Some(part), None) => todo.push((part, choice.wanted)),
                    _ => kept.push(choice),
                }
            }
            state.choices = kept;
            if todo.is_empty() {
                return true;
            }
        }
    }

    /// Returns the choice with the fewest open alternatives, and these alternatives.
    ///
    /// Few alternatives mean few branches: a choice of two is decided before a choice of fifty.
    fn narrowest(&self, state: &State<'p>) -> Option<(usize, Vec<Goal<'p>>)> {
        let open = |choice: &Choice<'p>| -> Vec<Goal<'p>> {
            let is_open = |part: &&Node| {
                granted(state, part).is_none_or(|now| !now.and(choice.wanted).is_empty())
            };
            choice.parts.iter().filter(is_open).map(|part| (part, choice.wanted)).collect()
        };
        let all = state.choices.iter().map(open).enumerate();
        all.min_by_key(|(_, parts)| parts.len())
    }

    /// Returns the attributes of an atom.
    fn variables_of(&self, atom: usize) -> Vec<usize> {
        match self.problem.atoms.get(atom) {
            Some(Atom::Exists { variable } | Atom::Fixed { variable, .. }) => vec![*variable],
            Some(Atom::Pair { left, right, .. }) => vec![*left, *right],
            None => Vec::new(),
        }
    }

    /// Returns the requirements for the atoms of an attribute.
    ///
    /// Atoms without a requirement are left out, so that the answer can be reused for more states.
    fn requirements(&self, state: &State<'p>, variable: usize) -> Vec<(usize, Truths)> {
        let atoms = self.problem.variables.get(variable).map_or(&[][..], |v| &v.atoms);
        let requirement = |atom: &usize| {
            let wanted = *state.wanted.get(*atom)?;
            (wanted != Truths::ANY).then_some((*atom, wanted))
        };
        atoms.iter().filter_map(requirement).collect()
    }

    /// Returns the cached answer for an attribute, or solves it.
    ///
    /// The same requirements come up again and again in a search, because choices mostly concern other
    /// attributes.
    fn answer(&mut self, state: &State<'p>, variable: usize) -> Rc<Answer> {
        // Equality of questions decides about reuse, so the requirements are in the order of the atoms.
        let key = (variable, self.requirements(state, variable));
        if let Some(known) = self.answers.get(&key) {
            return Rc::clone(known);
        }
        let answer = Rc::new(self.solve(&key));
        self.answers.insert(key, Rc::clone(&answer));
        answer
    }

    /// Solves one attribute on its own.
    ///
    /// Requirements of `Exists` and of comparisons with other attributes only decide whether the attribute is
    /// present. The others go to the solver.
    fn solve(&mut self, (variable, requirements): &Question) -> Answer {
        let Some(variable) = self.problem.variables.get(*variable) else { return Answer::Unproved };
        let mut needs = Vec::new();
        let mut present = None;
        for (atom, wanted) in requirements {
            let (truth, is_compared) = match self.problem.atoms.get(*atom) {
                Some(Atom::Exists { .. }) => (*wanted, false),
                Some(Atom::Fixed { operator, predicate, .. }) => {
                    needs.push(Requirement {
                        operator: *operator,
                        predicate: *predicate,
                        wanted: *wanted,
                    });
                    continue;
                }
                // A comparison of two attributes is undecided if one is absent. For another result both
                // must be present.
                Some(Atom::Pair { .. }) => (*wanted, true),
                None => continue,
            };
            let must = match is_compared {
                true if truth.has(None) => continue,
                true => true,
                false => match (truth.has(Some(true)), truth.has(Some(false))) {
                    (true, true) => continue,
                    (true, false) => true,
                    (false, true) => false,
                    (false, false) => return Answer::No,
                },
            };
            if present.is_some_and(|known| known != must) {
                return Answer::No;
            }
            present = Some(must);
        }
        attribute_solver::solve(variable.domain, &variable.usual, &needs, present, self.budget)
    }

    /// Makes a request from the answers of all attributes, and evaluates it.
    ///
    /// Returns `None` if the request is not as required. The search is then undecided at best, because
    /// other values might have worked.
    fn example(&mut self, state: &State<'p>) -> Option<Example> {
        let mut given: Vec<Option<Given>> = Vec::new();
        for variable in 0..self.problem.variables.len() {
            // Attributes without requirements stay as the family's sample has them.
            let is_wished = !self.requirements(state, variable).is_empty();
            given.push(match &*self.answer(state, variable) {
                _ if !is_wished => None,
                Answer::Yes(values) => Some(values.clone()),
                Answer::No => return None,
                Answer::Unproved => Some(None),
            });
        }
        if let Some(request) = self.evaluated(&given) {
            return Some(self.because(request, &given));
        }
        // INVARIANT: comparisons of two attributes are not solved. Whatever values are guessed for them
        // here, the request is evaluated before it becomes an example.
        let problem = self.problem;
        let wished = problem.atoms.iter().zip(&state.wanted).enumerate();
        let pairs = wished.filter_map(|(id, (atom, wanted))| match atom {
            Atom::Pair { left, right, operator } if *wanted != Truths::ANY => {
                Some((id, *left, *right, *operator, *wanted))
            }
            _ => None,
        });
        for (id, left, right, operator, wanted) in pairs {
            let pool = self.pool(&given, [left, right]);
            'pairs: for a in &pool {
                for b in &pool {
                    // Both attributes of a pair may be the same, and then have the same value.
                    let b = if left == right { a } else { b };
                    let truth = match (a, b) {
                        (Some(a), Some(b)) => eval::comparison(operator, a, b),
                        _ => None,
                    };
                    if !wanted.has(truth) {
                        continue;
                    }
                    // The old values come back if the guess does not fit the other comparisons.
                    let before: Vec<_> =
                        [left, right].iter().map(|at| given.get(*at).cloned()).collect();
                    for (variable, values) in [(left, a), (right, b)] {
                        if let Some(given) = given.get_mut(variable) {
                            *given = Some(values.clone());
                        }
                    }
                    if self.grants(state, &given, [left, right], id) {
                        break 'pairs;
                    }
                    for (variable, values) in [left, right].into_iter().zip(before) {
                        if let (Some(given), Some(values)) = (given.get_mut(variable), values) {
                            *given = values;
                        }
                    }
                }
            }
        }
        self.evaluated(&given).map(|request| self.because(request, &given))
    }

    /// Returns values to try for two attributes that are compared with each other.
    ///
    /// These are the solved values, samples, and two different values of each type, so that equality,
    /// inequality and order can all be met.
    fn pool(&self, given: &[Option<Given>], variables: [usize; 2]) -> Vec<Given> {
        let mut pool: Vec<Given> = Vec::new();
        for variable in variables {
            pool.extend(given.get(variable).cloned().flatten());
            if let Some(Domain::Text(texts)) =
                self.problem.variables.get(variable).map(|v| v.domain)
            {
                pool.extend(texts.samples().iter().map(|text| Some(vec![text.as_str().into()])));
            }
        }
        let texts = ["x", "y", "*", "2026-01-01T00:00:00.0Z", "2027-01-01T00:00:00.0Z"];
        let guids =
            ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
        pool.extend(texts.into_iter().chain(guids).map(|text| Some(vec![text.into()])));
        pool.extend([true, false].map(|value| Some(vec![value.into()])));
        pool.extend([0, 1].map(|value| Some(vec![Value::Integer(value)])));
        pool.push(Some(vec!["x".into(), "y".into()]));
        pool.push(None);
        pool.dedup();
        pool
    }

    /// Returns whether guessed values are possible and fulfil the requirements for these attributes:
    /// those with fixed values, and those with other attributes up to the atom `last`.
    ///
    /// Later pairs get guesses of their own, so they must not reject this one.
    fn grants(
        &mut self,
        state: &State<'p>,
        guess: &[Option<Given>],
        variables: [usize; 2],
        last: usize,
    ) -> bool {
        let problem = self.problem;
        let values = |variable: usize| {
            guess.get(variable).and_then(Option::as_ref).and_then(Option::as_deref)
        };
        variables.into_iter().all(|variable| {
            let Some(known) = problem.variables.get(variable) else { return false };
            let own = values(variable);
            let requirements = self.requirements(state, variable);
            self.budget.spend(4 * (1 + requirements.len()))
                && known.domain.contains(own)
                && requirements.iter().all(|(atom, wanted)| match problem.atoms.get(*atom) {
                    Some(Atom::Exists { .. }) => wanted.has(Some(own.is_some())),
                    Some(Atom::Fixed { operator, predicate, .. }) => {
                        wanted.has(attribute_solver::truth(*operator, predicate, own))
                    }
                    Some(Atom::Pair { left, right, operator }) if *atom <= last => {
                        let both = values(*left).zip(values(*right));
                        wanted.has(both.and_then(|(a, b)| eval::comparison(*operator, a, b)))
                    }
                    _ => true,
                })
        })
    }

    /// Returns the request with these values, if the conditions decide about it as required.
    ///
    /// This is the only place where an example becomes valid, whatever the solvers assumed.
    fn evaluated(&mut self, given: &[Option<Given>]) -> Option<Request> {
        let mut request = self.family.sample();
        for (variable, given) in self.problem.variables.iter().zip(given) {
            let Some(given) = given else { continue };
            let attribute = variable.attribute;
            if !variable.domain.contains(given.as_deref()) {
                return None;
            }
            request.set(attribute, given.clone());
        }
        if !self.budget.spend(16 * (1 + self.problem.atoms.len())) {
            return None;
        }
        let is_allowed = self.conditions.iter().any(|condition| condition.allows(&request));
        (is_allowed == self.allowed).then_some(request)
    }

    /// Makes an example that names the attributes with values of their own.
    fn because(&self, request: Request, given: &[Option<Given>]) -> Example {
        let variables = self.problem.variables.iter().zip(given);
        let because = variables
            .filter(|(_, given)| given.is_some())
            .map(|(variable, _)| variable.attribute.clone())
            .collect();
        Example { request, because }
    }
}

/// Returns the results that a part may still have; `None` for a part with several atoms.
///
/// A part with several atoms is always open: its results are only known after its own goals.
fn granted(state: &State<'_>, node: &Node) -> Option<Truths> {
    match node {
        Node::Atom(atom) => state.wanted.get(*atom).copied(),
        Node::Constant(truth) => Some(Truths::of(*truth)),
        Node::Not(part) => granted(state, part).map(Truths::negated),
        Node::All(_) | Node::Any(_) => None,
    }
}
