//! Whether each row of a source comes from one row of one table behind it, so that a promise about the source's rows is
//! one about the tables' rows: projections and filters of one table, and `UNION ALL` of such over different tables.
//! Where rows are joined, counted, ordered or cut, one row of a table can change many rows of the source. Then the promise
//! holds for units that all tables behind it carry, if there are such, or else for the source's own rows alone.

use std::ffi::c_void;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag};

use crate::pg::errors::Result;
use crate::pg::relation::Source;
use crate::pg::server::expr::{self, Node};
use crate::pg::server::{access, builtin, lookup, text, tuple};

/// Views over views that are followed.
const DEPTH: usize = 100;

/// Why a source is not row-wise, in words that complete "because it has ...".
pub type Reason = &'static str;

/// What was found behind a source.
#[derive(Default)]
struct Behind {
    /// Tables, with their owners.
    tables: Vec<(pg_sys::Oid, pg_sys::Oid)>,
    /// Owners of functions and domains that are not PostgreSQL's own.
    makers: Vec<pg_sys::Oid>,
}

/// What is stored may be older than its definition.
const STORED: Reason = "rows that a materialized view stores, or too many views";

/// A part of a source that keeps it from being row-wise.
type Found<T> = std::result::Result<T, Reason>;

/// A column of a query: its place among what is joined, and its number there.
type Place = (i32, i16);

/// Why the source's rows do not come from one row of one table each, or nothing if they do. With a column that says
/// whose a row is, it is enough that all rows behind a row carry its value: then its units are units of the tables.
///
/// # Errors
/// If the catalogs cannot be read.
pub fn why_not(source: &Source, unit: Option<i16>) -> Result<Option<Reason>> {
    let mut behind = Behind::default();
    // SAFETY: the source is locked, and what is behind it is opened while it is looked at.
    let rows = unsafe { behind.relation(source.oid, pg_sys::GetUserId(), 0) };
    let reason = match rows {
        Ok(()) => behind.makers_not_trusted().or(if behind.overlap()? { Some("the same table twice") } else { None }),
        Err(reason) => Some(reason),
    };
    let (Some(reason), Some(column)) = (reason, unit) else { return Ok(reason) };
    let mut behind = Behind::default();
    // SAFETY: as above.
    let carried = unsafe { behind.carried((source.oid, column), pg_sys::GetUserId(), 0, true) };
    Ok(match carried {
        Ok(()) if behind.makers_not_trusted().is_none() => None,
        _ => Some(reason),
    })
}

impl Behind {
    /// Whoever makes a function can make it read what it likes. Superusers and the tables' owner are taken at their word.
    fn makers_not_trusted(&self) -> Option<Reason> {
        let trusted = |maker: &pg_sys::Oid| {
            // SAFETY: a look-up.
            let is_superuser = unsafe { pg_sys::superuser_arg(*maker) };
            is_superuser || self.tables.iter().all(|(_, owner)| owner == maker)
        };
        (!self.makers.iter().all(trusted)).then_some("a function of a role that does not own what it reads")
    }

    /// Whether two of the tables are one, or one is a part of the other.
    fn overlap(&self) -> Result<bool> {
        if self.tables.len() < 2 {
            return Ok(false);
        }
        let tables: Vec<u32> = self.tables.iter().map(|(table, _)| table.to_u32()).collect();
        access::ask(
            "WITH RECURSIVE given (nr, relation) AS (
                 SELECT t.ordinality, t.value::pg_catalog.oid
                 FROM pg_catalog.jsonb_array_elements_text($1::pg_catalog.jsonb) WITH ORDINALITY AS t
             ), parts (nr, relation) AS (
                 SELECT nr, relation FROM given
                 UNION
                 SELECT p.nr, i.inhrelid FROM parts AS p JOIN pg_catalog.pg_inherits AS i ON i.inhparent = p.relation)
             SELECT pg_catalog.to_json(EXISTS (
                 SELECT FROM parts GROUP BY relation HAVING pg_catalog.count(*) > 1))::pg_catalog.text",
            &access::json(&tables)?,
        )
    }

    /// Follows a relation that `user` reads.
    ///
    /// # Safety
    /// It exists and cannot be dropped meanwhile; so for the methods below, whose queries and expressions are valid.
    unsafe fn relation(&mut self, oid: pg_sys::Oid, user: pg_sys::Oid, depth: usize) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            let relation = Relation::open(oid).ok_or("a relation that is gone")?;
            match relation.kind() {
                pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE | pg_sys::RELKIND_FOREIGN_TABLE => {
                    self.table(&relation, user)
                }
                pg_sys::RELKIND_VIEW if depth < DEPTH => {
                    let query = relation.query().ok_or("no definition that can be read")?;
                    self.query(query, relation.reader(user), depth + 1)
                }
                _ => Err(STORED),
            }
        }
    }

    /// Takes a table, if no policy that applies looks at more than the row.
    unsafe fn table(&mut self, table: &Relation, user: pg_sys::Oid) -> Found<()> {
        self.tables.push((table.oid(), table.owner()));
        // SAFETY: a look-up that raises no error.
        let security = unsafe { pg_sys::check_enable_rls(table.oid(), user, true) };
        if security as u32 != pg_sys::CheckEnableRlsResult::RLS_ENABLED {
            return Ok(());
        }
        // SAFETY: as promised; the policies live as long as the relation is open.
        unsafe {
            let description = (*table.0).rd_rsdesc;
            if description.is_null() {
                return Ok(());
            }
            for policy in expr::members((*description).policies) {
                let policy = &*policy.cast::<pg_sys::RowSecurityPolicy>();
                if policy.hassublinks {
                    return Err("a row security policy that reads tables");
                }
                self.expression(policy.qual.cast())?;
            }
        }
        Ok(())
    }

    unsafe fn query(&mut self, query: &pg_sys::Query, user: pg_sys::Oid, depth: usize) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            shape(query)?;
            if !query.setOperations.is_null() {
                return self.union_all(query, query.setOperations, user, depth);
            }
            let from = &*query.jointree;
            self.expression(from.quals)?;
            self.targets(query)?;
            // Without a table there is one row, which no row of a table changes.
            let [member] = expr::members(from.fromlist)[..] else {
                return if from.fromlist.is_null() { Ok(()) } else { Err("a join") };
            };
            let member = expr::cast::<pg_sys::RangeTblRef>(member, NodeTag::T_RangeTblRef).ok_or("a join")?;
            self.entry(entry(query, member.rtindex)?, user, depth)
        }
    }

    unsafe fn targets(&mut self, query: &pg_sys::Query) -> Found<()> {
        // SAFETY: as promised.
        unsafe { expr::members(query.targetList).into_iter().try_for_each(|target| self.expression(target)) }
    }

    unsafe fn union_all(&mut self, query: &pg_sys::Query, part: Node, user: pg_sys::Oid, depth: usize) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            if let Some(leaf) = expr::cast::<pg_sys::RangeTblRef>(part, NodeTag::T_RangeTblRef) {
                return self.entry(entry(query, leaf.rtindex)?, user, depth);
            }
            let operation = expr::cast::<pg_sys::SetOperationStmt>(part, NodeTag::T_SetOperationStmt);
            match operation.filter(|o| o.op == pg_sys::SetOperation::SETOP_UNION && o.all) {
                Some(union) => {
                    self.union_all(query, union.larg, user, depth)?;
                    self.union_all(query, union.rarg, user, depth)
                }
                None => Err("UNION, INTERSECT or EXCEPT"),
            }
        }
    }

    unsafe fn entry(&mut self, entry: &pg_sys::RangeTblEntry, user: pg_sys::Oid, depth: usize) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            match entry.rtekind {
                pg_sys::RTEKind::RTE_RELATION if !entry.tablesample.is_null() => Err("TABLESAMPLE"),
                pg_sys::RTEKind::RTE_RELATION => self.relation(entry.relid, user, depth),
                pg_sys::RTEKind::RTE_SUBQUERY if depth < DEPTH => self.query(&*entry.subquery, user, depth + 1),
                pg_sys::RTEKind::RTE_VALUES => self.values(entry),
                _ => Err("a function or a deep query in FROM"),
            }
        }
    }

    /// Looks at an expression: it may call functions of its arguments alone.
    unsafe fn expression(&mut self, expression: Node) -> Found<()> {
        let mut walk = Walk { makers: &mut self.makers, reason: None };
        // SAFETY: as promised; the walk ends before what it fills.
        unsafe { look(expression, (&raw mut walk).cast()) };
        walk.reason.map_or(Ok(()), Err)
    }

    /// Follows a column of a relation to columns of all tables behind it, which say whose the rows are.
    /// `may_be_nobody` unless its value is equal to another column's in all rows that come of it.
    unsafe fn carried(
        &mut self,
        (oid, column): (pg_sys::Oid, i16),
        user: pg_sys::Oid,
        depth: usize,
        may_be_nobody: bool,
    ) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            let relation = Relation::open(oid).ok_or("a relation that is gone")?;
            match relation.kind() {
                pg_sys::RELKIND_VIEW if depth < DEPTH => {
                    let query = relation.query().ok_or("no definition that can be read")?;
                    self.carried_by(query, column, relation.reader(user), depth + 1, may_be_nobody)
                }
                pg_sys::RELKIND_VIEW | pg_sys::RELKIND_MATVIEW => Err(STORED),
                // Rows of nobody are units by themselves, each of the view's.
                _ if may_be_nobody && !relation.is_not_null(column) => Err("a privacy unit that can be NULL"),
                _ => self.table(&relation, user),
            }
        }
    }

    unsafe fn carried_by(
        &mut self,
        query: &pg_sys::Query,
        column: i16,
        user: pg_sys::Oid,
        depth: usize,
        may_be_nobody: bool,
    ) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            shape(query)?;
            if !query.setOperations.is_null() {
                return Err("UNION, INTERSECT or EXCEPT");
            }
            let targets = expr::members(query.targetList).into_iter();
            let mut targets = targets.map(|target| &*target.cast::<pg_sys::TargetEntry>());
            let target = targets.find(|target| target.resno == column).ok_or("no such column")?;
            let unit = merged(query, target.expr.cast()).ok_or("a column that is computed")?;
            let (mut sources, mut equal) = (Vec::new(), Vec::new());
            let from = &*query.jointree;
            for member in expr::members(from.fromlist) {
                self.joined(member, unit.0, &mut sources, &mut equal)?;
            }
            self.expression(from.quals)?;
            self.targets(query)?;
            equalities(from.quals, &mut equal);
            let known = all_equal(unit, &equal);
            for index in sources {
                let source = entry(query, index)?;
                let carrier = known.iter().find(|(of, _)| *of == index);
                match (source.rtekind, carrier) {
                    (pg_sys::RTEKind::RTE_RELATION, _) if !source.tablesample.is_null() => return Err("TABLESAMPLE"),
                    (pg_sys::RTEKind::RTE_RELATION, Some(place)) => {
                        self.carried((source.relid, place.1), user, depth, may_be_nobody && *place == unit)?;
                    }
                    (pg_sys::RTEKind::RTE_SUBQUERY, Some(place)) if depth < DEPTH => {
                        self.carried_by(&*source.subquery, place.1, user, depth + 1, may_be_nobody && *place == unit)?;
                    }
                    (pg_sys::RTEKind::RTE_FUNCTION, _) => self.functions(source)?,
                    (pg_sys::RTEKind::RTE_VALUES, _) => self.values(source)?,
                    _ => return Err("a join with rows that do not say whose they are"),
                }
            }
            Ok(())
        }
    }

    unsafe fn values(&mut self, source: &pg_sys::RangeTblEntry) -> Found<()> {
        // SAFETY: as promised.
        unsafe { expr::members(source.values_lists).into_iter().try_for_each(|list| self.expression(list)) }
    }

    unsafe fn functions(&mut self, source: &pg_sys::RangeTblEntry) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            let functions = expr::members(source.functions).into_iter();
            functions.map(|f| &*f.cast::<pg_sys::RangeTblFunction>()).try_for_each(|f| self.expression(f.funcexpr))
        }
    }

    /// Collects what is joined, and which columns are equal to others. Of an outer join the side that has the unit must be
    /// the one whose rows all stay: what it is joined on says something of the other side's rows alone.
    unsafe fn joined(
        &mut self,
        member: Node,
        unit: i32,
        sources: &mut Vec<i32>,
        equal: &mut Vec<(Place, Place)>,
    ) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            if let Some(leaf) = expr::cast::<pg_sys::RangeTblRef>(member, NodeTag::T_RangeTblRef) {
                sources.push(leaf.rtindex);
                return Ok(());
            }
            let join = expr::cast::<pg_sys::JoinExpr>(member, NodeTag::T_JoinExpr).ok_or("a join of a new kind")?;
            let before = sources.len();
            self.joined(join.larg, unit, sources, equal)?;
            let middle = sources.len();
            self.joined(join.rarg, unit, sources, equal)?;
            self.expression(join.quals)?;
            let (mut found, left) = (Vec::new(), &sources[before..middle]);
            equalities(join.quals, &mut found);
            match join.jointype {
                pg_sys::JoinType::JOIN_INNER => {}
                pg_sys::JoinType::JOIN_LEFT if left.contains(&unit) => {
                    found.retain(|(_, to)| !left.contains(&to.0));
                }
                _ => return Err("an outer join"),
            }
            equal.extend(found);
            Ok(())
        }
    }
}

/// Whether a query takes rows as they come.
unsafe fn shape(query: &pg_sys::Query) -> Found<()> {
    let has = [
        (query.commandType != pg_sys::CmdType::CMD_SELECT, "something else than SELECT"),
        (query.hasAggs || !query.groupClause.is_null() || !query.groupingSets.is_null(), "an aggregate or GROUP BY"),
        (!query.havingQual.is_null(), "HAVING"),
        (query.hasWindowFuncs, "a window function"),
        (query.hasTargetSRFs, "a set-returning function"),
        (query.hasSubLinks, "a subquery in an expression"),
        (!query.distinctClause.is_null(), "DISTINCT"),
        (!query.limitCount.is_null() || !query.limitOffset.is_null(), "LIMIT or OFFSET"),
        (!query.cteList.is_null(), "WITH"),
    ];
    has.into_iter().find(|(found, _)| *found).map_or(Ok(()), |(_, reason)| Err(reason))
}

/// What a query reads at a place, from 1.
unsafe fn entry(query: &pg_sys::Query, place: i32) -> Found<&pg_sys::RangeTblEntry> {
    // SAFETY: a valid query, whose entries live as long as it.
    unsafe {
        let entries = expr::members(query.rtable);
        let found = usize::try_from(place - 1).ok().and_then(|i| entries.get(i).copied());
        found.map(|entry| &*entry.cast::<pg_sys::RangeTblEntry>()).ok_or("a place that reads nothing")
    }
}

/// The column that an expression is, as it is.
unsafe fn variable(expression: Node) -> Option<Place> {
    // SAFETY: a valid expression.
    let variable = unsafe { expr::cast::<pg_sys::Var>(expression, NodeTag::T_Var) }?;
    (variable.varlevelsup == 0 && variable.varattno > 0).then_some((variable.varno, variable.varattno))
}

/// The column that an expression is, where it may be one that `JOIN ... USING` made of two: of these it is the left one.
unsafe fn merged(query: &pg_sys::Query, expression: Node) -> Option<Place> {
    // SAFETY: a valid query and an expression of it; there are as many merged columns as a join has.
    unsafe {
        let place = variable(expression)?;
        let source = entry(query, place.0).ok()?;
        if source.rtekind != pg_sys::RTEKind::RTE_JOIN {
            return Some(place);
        }
        let columns = expr::members(source.joinaliasvars);
        merged(query, *columns.get(usize::try_from(place.1 - 1).ok()?)?)
    }
}

/// Adds the pairs of columns that a condition makes equal, byte by byte, in all rows that satisfy it: each both ways, from
/// the one that is known to the other.
unsafe fn equalities(condition: Node, pairs: &mut Vec<(Place, Place)>) {
    // SAFETY: a valid expression; a condition can be a list of those that all hold.
    unsafe {
        if let Some(boolean) = expr::cast::<pg_sys::BoolExpr>(condition, NodeTag::T_BoolExpr) {
            if boolean.boolop == pg_sys::BoolExprType::AND_EXPR {
                expr::members(boolean.args).into_iter().for_each(|part| equalities(part, pairs));
            }
            return;
        }
        let Some(comparison) = expr::cast::<pg_sys::OpExpr>(condition, NodeTag::T_OpExpr) else { return };
        if builtin::builtin_operator(comparison.opno).as_deref() != Some("=") {
            return;
        }
        let collation = comparison.inputcollid;
        if collation != pg_sys::InvalidOid && !pg_sys::get_collation_isdeterministic(collation) {
            return;
        }
        let [left, right] = expr::members(comparison.args)[..] else { return };
        if pg_sys::exprType(left) == pg_sys::exprType(right)
            && let (Some(left), Some(right)) = (variable(left), variable(right))
        {
            pairs.extend([(left, right), (right, left)]);
        }
    }
}

/// All columns that are equal to one.
fn all_equal(one: Place, pairs: &[(Place, Place)]) -> Vec<Place> {
    let mut found = vec![one];
    let mut next = 0;
    while let Some(at) = found.get(next).copied() {
        for (_, to) in pairs.iter().filter(|(from, _)| *from == at) {
            if !found.contains(to) {
                found.push(*to);
            }
        }
        next += 1;
    }
    found
}

/// What a walk through an expression has seen.
struct Walk<'a> {
    makers: &'a mut Vec<pg_sys::Oid>,
    reason: Option<Reason>,
}

impl Walk<'_> {
    /// Takes the maker of a type of values that are made or handed to a function.
    fn take_type(&mut self, type_oid: pg_sys::Oid) {
        if type_oid.to_u32() >= pg_sys::FirstNormalObjectId {
            self.makers.extend(lookup::owner_of_type(type_oid));
        }
    }
}

/// Looks at a node and those below it; true ends the walk.
#[pg_guard]
unsafe extern "C-unwind" fn look(node: Node, walk: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: called by `Behind::expression` and by the walker it starts, with valid nodes and its walk.
    unsafe {
        let found = &mut *walk.cast::<Walk>();
        match (*node).type_ {
            NodeTag::T_SubLink | NodeTag::T_Query => found.reason = Some("a subquery in an expression"),
            NodeTag::T_Aggref | NodeTag::T_GroupingFunc => found.reason = Some("an aggregate"),
            NodeTag::T_WindowFunc => found.reason = Some("a window function"),
            NodeTag::T_NextValueExpr | NodeTag::T_CurrentOfExpr => found.reason = Some("a sequence or cursor"),
            // Where a row lies, and who wrote it, depends on other rows.
            NodeTag::T_Var if is_of_system((*node.cast::<pg_sys::Var>()).varattno) => {
                found.reason = Some("a system column");
            }
            // Input, output and casts of a type that somebody made may run its checks and functions.
            NodeTag::T_CoerceToDomain
            | NodeTag::T_CoerceViaIO
            | NodeTag::T_ArrayCoerceExpr
            | NodeTag::T_ConvertRowtypeExpr
            | NodeTag::T_RowExpr
            | NodeTag::T_FuncExpr
            | NodeTag::T_OpExpr => found.take_type(pg_sys::exprType(node)),
            tag if is_plain(tag) => {}
            _ => found.reason = Some("an expression of a kind that is not known to look at its row alone"),
        }
        let arguments = match (*node).type_ {
            NodeTag::T_FuncExpr => expr::members((*node.cast::<pg_sys::FuncExpr>()).args),
            NodeTag::T_OpExpr | NodeTag::T_DistinctExpr | NodeTag::T_NullIfExpr => {
                expr::members((*node.cast::<pg_sys::OpExpr>()).args)
            }
            NodeTag::T_ScalarArrayOpExpr => expr::members((*node.cast::<pg_sys::ScalarArrayOpExpr>()).args),
            NodeTag::T_CoerceViaIO => vec![(*node.cast::<pg_sys::CoerceViaIO>()).arg.cast()],
            _ => Vec::new(),
        };
        arguments.into_iter().for_each(|argument| found.take_type(pg_sys::exprType(argument)));
        pg_sys::check_functions_in_node(node, Some(look_at_function), walk);
        found.reason.is_some() || pg_sys::expression_tree_walker(node, Some(look), walk)
    }
}

fn is_of_system(column: i16) -> bool {
    column < 0 && i32::from(column) != pg_sys::TableOidAttributeNumber
}

/// Nodes that make values of those below them, of the row, and of functions that are looked at by themselves.
fn is_plain(tag: NodeTag) -> bool {
    matches!(
        tag,
        NodeTag::T_Var
            | NodeTag::T_Const
            | NodeTag::T_DistinctExpr
            | NodeTag::T_NullIfExpr
            | NodeTag::T_ScalarArrayOpExpr
            | NodeTag::T_BoolExpr
            | NodeTag::T_RelabelType
            | NodeTag::T_CollateExpr
            | NodeTag::T_CaseExpr
            | NodeTag::T_CaseWhen
            | NodeTag::T_CaseTestExpr
            | NodeTag::T_ArrayExpr
            | NodeTag::T_RowCompareExpr
            | NodeTag::T_CoalesceExpr
            | NodeTag::T_MinMaxExpr
            | NodeTag::T_NullTest
            | NodeTag::T_BooleanTest
            | NodeTag::T_FieldSelect
            | NodeTag::T_SubscriptingRef
            | NodeTag::T_SQLValueFunction
            | NodeTag::T_NamedArgExpr
            | NodeTag::T_TargetEntry
            | NodeTag::T_List
    )
}

/// Looks at a function that an expression calls; true ends the look at its node.
#[pg_guard]
unsafe extern "C-unwind" fn look_at_function(function: pg_sys::Oid, walk: *mut c_void) -> bool {
    // SAFETY: called by `look` with a function that exists and its walk.
    unsafe {
        let found = &mut *walk.cast::<Walk>();
        let volatility = pg_sys::func_volatile(function) as u8;
        if volatility == pg_sys::PROVOLATILE_VOLATILE {
            found.reason = Some("a volatile function");
        } else if function.to_u32() < pg_sys::FirstNormalObjectId {
            let name = text::optional_string(pg_sys::get_func_name(function)).unwrap_or_default();
            // PostgreSQL's own functions that read tables, statistics or types by name without being volatile.
            if name.contains("_to_xml") || (name.starts_with("pg_") && name != "pg_has_role") {
                found.reason = Some("a function that looks at more than its arguments");
            }
        } else if volatility == pg_sys::PROVOLATILE_IMMUTABLE {
            found.makers.extend(lookup::owner_of_function(function));
        } else {
            found.reason = Some("a function that is neither PostgreSQL's own nor immutable");
        }
        found.reason.is_some()
    }
}

/// An open relation.
struct Relation(pg_sys::Relation);

impl Relation {
    /// Opens a relation, if there is one, and locks it against changes of its shape.
    fn open(oid: pg_sys::Oid) -> Option<Self> {
        // SAFETY: null if there is no such relation.
        let relation = unsafe { pg_sys::try_relation_open(oid, pg_sys::AccessShareLock as pg_sys::LOCKMODE) };
        // Made only if there is one: what is dropped is closed.
        (!relation.is_null()).then(|| Self(relation))
    }

    fn class(&self) -> &pg_sys::FormData_pg_class {
        // SAFETY: the relation is open.
        unsafe { &*(*self.0).rd_rel }
    }

    fn oid(&self) -> pg_sys::Oid {
        // SAFETY: the relation is open.
        unsafe { (*self.0).rd_id }
    }

    fn kind(&self) -> u8 {
        self.class().relkind as u8
    }

    fn owner(&self) -> pg_sys::Oid {
        self.class().relowner
    }

    /// Whether a column of it is NOT NULL.
    fn is_not_null(&self, column: i16) -> bool {
        // SAFETY: the relation is open, so its descriptor is valid.
        unsafe {
            let desc = (*self.0).rd_att;
            usize::try_from(column - 1)
                .is_ok_and(|i| i < (*desc).natts as usize && tuple::attribute(desc, i).attnotnull)
        }
    }

    /// Whose privileges and policies apply to what a view reads.
    fn reader(&self, user: pg_sys::Oid) -> pg_sys::Oid {
        // SAFETY: the relation is open; options of a view, if it has any.
        let invoker = unsafe {
            let options: *const pg_sys::ViewOptions = (*self.0).rd_options.cast();
            self.kind() == pg_sys::RELKIND_VIEW && !options.is_null() && (*options).security_invoker
        };
        if invoker { user } else { self.owner() }
    }

    /// The query of a view or materialized view.
    fn query(&self) -> Option<&pg_sys::Query> {
        // SAFETY: rules live as long as the relation is open.
        unsafe {
            let rules = (*self.0).rd_rules.as_ref()?;
            let rules = (0..rules.numLocks as usize).map(|i| &**rules.rules.add(i));
            let mut selects = rules.filter(|rule| rule.event == pg_sys::CmdType::CMD_SELECT);
            let [query] = expr::members(selects.next()?.actions)[..] else { return None };
            expr::cast::<pg_sys::Query>(query, NodeTag::T_Query)
        }
    }
}

impl Drop for Relation {
    fn drop(&mut self) {
        // After an ERROR the transaction's end closes it.
        if !std::thread::panicking() {
            // SAFETY: opened by `open`; the lock stays until the transaction ends.
            unsafe { pg_sys::relation_close(self.0, pg_sys::NoLock as pg_sys::LOCKMODE) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_equal_by_way_of_others() {
        let pairs = [((1, 1), (2, 3)), ((2, 3), (3, 2)), ((4, 1), (5, 1)), ((6, 1), (1, 1))];
        assert_eq!(all_equal((1, 1), &pairs), [(1, 1), (2, 3), (3, 2)]);
        assert_eq!(all_equal((9, 9), &pairs), [(9, 9)]);
    }
}
