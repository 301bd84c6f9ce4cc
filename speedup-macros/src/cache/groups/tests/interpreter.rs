//! Runs a body made of numbers: enough of Rust to tell whether two bodies mean the same.

use std::collections::HashMap;

use syn::{BinOp, Block, Expr, Local, Pat, Stmt};

/// What a run gives: the result, and the arguments of all calls of `f`, sorted.
pub(super) fn run(body: &Block, n: u64) -> (u64, Vec<u64>) {
    let mut machine = Machine { scopes: vec![HashMap::from([("n".to_owned(), n)])], calls: Vec::new() };
    let result = match machine.block(body) {
        Ok(value) | Err(Return(value)) => value,
    };
    machine.calls.sort_unstable();
    (result, machine.calls)
}

/// `return`, on its way out.
struct Return(u64);

type Flow = Result<u64, Return>;

struct Machine {
    scopes: Vec<HashMap<String, u64>>,
    calls: Vec<u64>,
}

impl Machine {
    fn block(&mut self, block: &Block) -> Flow {
        self.scopes.push(HashMap::new());
        let mut value = Ok(0);
        for statement in &block.stmts {
            value = match statement {
                Stmt::Local(local) => self.local(local),
                Stmt::Expr(expression, end) => {
                    self.value(expression).map(|value| if end.is_some() { 0 } else { value })
                }
                Stmt::Item(_) | Stmt::Macro(_) => panic!("the machine knows no items and no macros"),
            };
            if value.is_err() {
                break;
            }
        }
        self.scopes.pop();
        value
    }

    fn local(&mut self, local: &Local) -> Flow {
        let init = &local.init.as_ref().expect("a variable has a value").expr;
        match &local.pat {
            Pat::Slice(results) => {
                let values = self.group(init)?;
                for (pattern, value) in results.elems.iter().zip(values) {
                    self.bind(pattern, value);
                }
            }
            pattern => {
                let value = self.value(init)?;
                self.bind(pattern, value);
            }
        }
        Ok(0)
    }

    fn bind(&mut self, pattern: &Pat, value: u64) {
        let Pat::Ident(binding) = pattern else { panic!("the machine binds names") };
        let scope = self.scopes.last_mut().expect("there is a scope");
        scope.insert(binding.ident.to_string(), value);
    }

    /// `::speedup::Cache::group(F, [(a,), (b,)])`, its members from the last to the first.
    fn group(&mut self, call: &Expr) -> Result<Vec<u64>, Return> {
        let Expr::Call(call) = call else { panic!("a group is a call") };
        let Some(Expr::Array(keys)) = call.args.last() else { panic!("a group has keys") };
        let mut arguments = Vec::new();
        for key in &keys.elems {
            let Expr::Tuple(key) = key else { panic!("a key is a tuple") };
            arguments.push(self.value(&key.elems[0])?);
        }
        let mut results: Vec<u64> = arguments.into_iter().rev().map(|argument| self.call(argument)).collect();
        results.reverse();
        Ok(results)
    }

    /// `f` is any pure function.
    fn call(&mut self, argument: u64) -> u64 {
        self.calls.push(argument);
        argument.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23) % 1_000
    }

    fn variable(&mut self, name: &Expr) -> &mut u64 {
        let Expr::Path(path) = name else { panic!("a variable has a name") };
        let name = path.path.get_ident().expect("a variable has a short name").to_string();
        let mut scopes = self.scopes.iter_mut().rev();
        scopes.find_map(|scope| scope.get_mut(&name)).unwrap_or_else(|| panic!("`{name}` is bound"))
    }

    fn value(&mut self, expression: &Expr) -> Flow {
        Ok(match expression {
            Expr::Lit(literal) => {
                let syn::Lit::Int(number) = &literal.lit else { panic!("the machine knows numbers") };
                number.base10_parse().expect("numbers are small")
            }
            Expr::Path(_) => *self.variable(expression),
            Expr::Paren(inner) => self.value(&inner.expr)?,
            Expr::Block(inner) => self.block(&inner.block)?,
            Expr::Binary(binary) => self.binary(binary)?,
            Expr::If(branch) => match (self.value(&branch.cond)?, &branch.else_branch) {
                (0, Some((_, otherwise))) => self.value(otherwise)?,
                (0, None) => 0,
                _ => self.block(&branch.then_branch)?,
            },
            Expr::Assign(assign) => {
                let value = self.value(&assign.right)?;
                *self.variable(&assign.left) = value;
                0
            }
            Expr::Return(exit) => {
                let value = self.value(exit.expr.as_ref().expect("the result"))?;
                return Err(Return(value));
            }
            Expr::MethodCall(call) => {
                let receiver = self.value(&call.receiver)?;
                receiver.max(self.value(&call.args[0])?)
            }
            Expr::Call(call) => {
                let syn::Expr::Path(function) = call.func.as_ref() else { panic!("functions have names") };
                match (function.path.is_ident("f"), &call.args[0]) {
                    (true, argument) => {
                        let argument = self.value(argument)?;
                        self.call(argument)
                    }
                    (false, Expr::Reference(lent)) => {
                        let variable = self.variable(&lent.expr);
                        *variable += 1;
                        *variable
                    }
                    (false, other) => self.value(other)?,
                }
            }
            other => panic!("the machine does not know {}", quote::quote!(#other)),
        })
    }

    fn binary(&mut self, binary: &syn::ExprBinary) -> Flow {
        let left = self.value(&binary.left)?;
        if let BinOp::And(_) = binary.op {
            return if left == 0 { Ok(0) } else { self.value(&binary.right) };
        }
        let right = self.value(&binary.right)?;
        Ok(match binary.op {
            BinOp::Add(_) => left.wrapping_add(right),
            BinOp::Mul(_) => left.wrapping_mul(right),
            BinOp::Gt(_) => u64::from(left > right),
            _ => panic!("the machine adds, multiplies and compares"),
        })
    }
}
