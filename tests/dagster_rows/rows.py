"""The table of Dagster's behaviours: a frozen copy of its numbers, marks and the beginning of each row.

`=` resourcekit does the same; `+` it does better; `-` it is out of scope. What "better" means, the test of a row tells.
"""

from typing import Final, NamedTuple


class Row(NamedTuple):
    """One behaviour, with its mark."""

    number: int
    mark: str
    title: str


# fmt: off
_TABLE: Final = r"""
1 = Fields `host: str`, `port: int = 5432`; `R(host="h")` -> `r.port == 5432`
2 = Fields are keyword-only: `R("h")` -> TypeError
3 + Required field omitted -> error at construction
4 = `Optional[T]` field without a default, omitted -> accepted, value None
5 = Wrong scalar type (`int` given "why") -> ValidationError at construction
6 + Lax coercion: int field given "5" -> 5; int given True -> 1; float given 1 -> 1.0; bool given "yes" -> True
7 + Unknown keyword (typo) -> silently ignored
8 - `extra="allow"` on the class -> unknown keyword kept
9 = Supported field types: str, int, float, bool, list[T], dict[K,V], Mapping[K,V], bare list/dict, Optional[T]
10 + Unsupported at first construction (definition error naming class and field): `str | int`, Path, datetime, date
11 + Unsupported with a different, vaguer error: tuple[..], set[..], Sequence[..]
12 + `Literal[1,2]` (int literals) -> construction error. `Any` field holding a non-JSON object -> serialization
13 + The schema error for a bad field type appears when the first instance is built, not when the class body is
14 + Enum field accepts the member, the member's name as string, or its value as string
15 = Default that does not match its type (`x: int = "no"`) -> error
16 = Mutable default / default_factory -> each instance gets its own copy
17 = Constraint metadata (min_length, ge, max_length) and field/model validators run at construction and again when
18 + Validators are not run for defaulted values
19 = Alias: `x_: str = Field(alias="x")` -> constructor and run config use `x`, attribute is `x_`
20 = Class docstring becomes the resource description
21 = Using a foreign (legacy schema) Field object as a default -> definition error that suggests the right one
22 = Inheritance: a subclass adds fields
23 = ClassVar, property, method, functools.cached_property and Dagster's cached-method decorator work
24 - Custom `__init__` that calls super with keywords works with positional arguments of its own
25 = Generic resource classes (`R[T]`) and generic config classes work
26 + Nested config class: accepts instance or dict
27 + Discriminated union of config classes: constructor accepts an instance or `{tag: {...}}`
28 + Equality by fields; hashable
29 = Assigning a declared public field -> error
30 = Assigning an undeclared public name -> same error
31 = Assigning an undeclared underscore name (`self._x = 1`) -> allowed any time
32 = Deleting a field -> frozen error
33 - `frozen=False` in the class config permits assignment on the instance
34 = The user's instance is never the object used in a run: each run gets a fresh copy
35 = Private state set on the original before the run is lost
36 + A private default factory gives each instance its own object
37 + A validator / post-init that ran once at definition has run 4 times in total after one run
38 = `EnvVar("X")` in a str field: construction never reads the environment; the value is read at run start
39 = Two runs of the same instance with X changed between them -> each run sees the current value
40 + X unset -> construction OK; run start fails with an invalid-config error naming the variable and the config
41 = Two unset variables in one resource -> one error that lists both
42 = Unset variable on a resource that the run does not need -> no error in materialize
43 = X set to empty string -> empty string is used
44 = `EnvVar.int("X")` in an int field -> int at run
45 + `EnvVar("X")` in an int, float, bool, Literal or Enum field -> ValidationError at construction
46 + No float or bool wrapper. In run config, `{"env": "X"}` works for str, int and bool but not float
47 + Field constraints are checked at construction against the variable's name (min_length) or 0 (ge on int)
48 = EnvVar works inside lists, dicts, nested dict-of-list, nested config, list/dict of configs, nested resources
49 = EnvVar as the class-level default of a field works
50 + `str(ev)`, `print(ev)`, f-string, `%s`, `format` -> RuntimeError
51 + `EnvVar("X").get_value(default)` reads at once
52 = Reading `r.s` on an un-run instance returns the wrapper, not the value
53 = `{"env": "X"}` dict passed to the constructor -> ValidationError
54 = Direct call of an asset function with a resource holding an EnvVar -> resolved value inside the body
55 = A field annotated with a resource class accepts an instance
56 = It also accepts a plain dict (builds the inner from it) and a launch-configured partial
57 + Missing nested -> ValidationError with two union branches
58 + No lookup of a nested resource by key
59 + A default given to a nested resource field (`inner: R = R()` or `Field(default=..., description=...)`) is
60 + `Optional[R]` nested: None allowed, default None works, hooks run when given
61 + `list[R]` / `dict[str, R]`: accepted but treated as config data: element hooks never run
62 + `R1 | R2` nested -> unsupported type error
63 + `ResourceDependency[T]` accepts a bare value, an instance, a function resource or a factory resource
64 + Inner overrides create_resource and field is `ResourceDependency[T]` -> outer sees the created object
65 + Shared instance inside one root (a diamond): inner is initialised once per parent
66 + Shared instance under two parents and also as a top-level key: initialised 3 times
67 + Binary sharing n levels deep: the leaf is set up 2^n times
68 = Same partial (configure_at_launch) shared by two parents and given as a top-level key: initialised once, one
69 + Same instance under two top-level keys: two initialisations, two objects
70 + A partial nested but not given as top-level key -> definition error naming Class.field
71 + Partial of the wrong class accepted at construction
72 + Run config for a top-level key does not reach the copy nested by instance (outer still sees the instance's
73 + Nested config cannot be overridden through the parent's run config
74 + Inner's init context reports the inner's resource_config, but its resource_def is the OUTER's definition
75 + Self-reference via Optional forward ref works
76 = Chains 60 deep work
77 = setup_for_execution(context) runs before the body, teardown_after_execution(context) after it
78 - Multiprocess executor: each step process runs its own setup and teardown
79 = Only resources that the selected steps require (plus linked dependencies) are set up
80 + Order: topological levels; inside a level alphabetical by key
81 = Teardown is the exact reverse of setup
82 + Setup of the 3rd fails -> the first two are torn down in reverse
83 = Outer's setup fails after inner's setup -> inner's teardown runs
84 + Inner's setup fails -> error names the OUTER's top-level key only
85 = create_resource raises after setup: teardown IS called
86 + Teardown raises -> remaining teardowns still run
87 + Body raises and teardown raises -> body's exception is the one seen
88 + Body raises -> teardown still runs
89 = SystemExit / KeyboardInterrupt in body or in a later setup -> earlier teardowns run
90 = A build_resources scope that is abandoned is torn down when garbage-collected
91 = yield_for_execution override: setup/teardown hooks are not called unless the override calls them
92 + Async context-manager form of yield_for_execution: works in materialize
93 + Async context manager on a NESTED resource -> always fails
94 + `async def setup_for_execution` / teardown: never awaited, silently does nothing
95 + Hook signature without the context parameter -> init error
96 = Calling an asset/op function directly with a resource argument runs setup and teardown around the call
97 = Parallel threads each running the same instance -> independent copies, one per run
98 = create_resource override on a resource class: users receive the returned object
99 + Factory class (abstract create_resource) may `yield` once: code after the yield is cleanup
100 = Parameter annotated with a factory class -> definition error
101 = IO manager factory: create_io_manager(context) result is the IO manager
102 = IO manager class form: handle_output / load_input on the class
103 = Bare values (str, int, None, function, class, arbitrary object) may be bound to a key and are passed through
104 + Exception: a bare generator object is consumed (first yield = value, rest = cleanup) and a @contextmanager
105 + A resource CLASS bound instead of an instance -> handed over as the class
106 + Function-style resources: return, single yield, no-argument form, required_resource_keys, `.configured(...)`
107 = Ready-made definitions: none, hardcoded, string, mock (MagicMock), values resource
108 = An interface to expose a different object on `context.resources` than on the parameter is honoured
109 = Parameter name = resource key. Parameter annotated with a resource class or ResourceParam[T] is a resource
110 = Missing key -> definition error naming op and listing available keys
111 + Missing key in direct call -> bare KeyError
112 + Wrong resource type at a key or wrong Python type for ResourceParam[T] -> no check
113 + Key that is not an identifier (dash, space) -> ValueError
114 + Cycle between function resources: job -> error naming the key; build_resources -> a CircularDependencyError
115 = Precedence: resources passed to execute_in_process > job-level resource_defs > Definitions.resources
116 = Merging Definitions with the same key: same object OK; different object -> error even if equal
117 - BindResourcesToJobs is a deprecated no-op
118 = `required_resource_keys` together with annotated resource parameters -> error
119 = `context.resources.key` is the same object as the parameter
120 = The built-resources object is a namedtuple: attribute access, `_asdict()`, iteration
121 + Run config for a key replaces the WHOLE config block
122 + Unknown or ill-typed run-config entry -> invalid-config error with the path and the expected shape
123 + configure_at_launch(**some): given values become defaults merged with run config
124 = RunConfig(resources={key: instance}) is equivalent to the dict form
125 = build_resources(resource_config={key: {"config": {...}}}) same rules
126 + Init context offers: resource_config (env already resolved, defaults filled), resource_def, resources (only
127 = get_resource_context(): before init -> check error; during a run -> the context with run id equal to the run's
128 = with_replaced_resource_context(ctx) -> copy with context bound, hooks NOT run
129 + from_resource_context(ctx): builds from ctx config, runs setup, returns created object
130 = process_config_and_initialize(): resolves env, runs setup, returns created object
131 = build_init_resource_context(config, resources, instance): resources accessible
132 + build_resources(dict): yields the object of row 120, tears down at exit
133 = A resource is a plain object: construct, call methods, no framework needed
134 = materialize([asset], resources={...}) -> success flag and output_for_node
135 = Direct call: resource by keyword, by position, or through a context
136 + MagicMock without spec as an asset parameter or through ResourceDependency -> works
137 + mock.patch.object on an instance's method or field -> frozen error
138 + Asset path = base_dir/<key parts joined>, no file extension
139 = Op output path = base_dir/<run_id>/<step>/<output name>
140 - Partitioned asset = base_dir/<key>/<partition>
141 - Downstream load: same-partition by default for same definition
142 = Missing upstream file -> FileNotFoundError with path
143 = Returned None without annotation -> file written
144 + base_dir: created if absent; accepts EnvVar
145 + Asset key part ".." is NOT escaped: file lands outside base_dir
146 = Materialization metadata has the path
147 = The class itself is a factory: it has no handle_output
148 + Field(exclude=True): dropped from model_dump/JSON, still shown in repr/str
149 + Marking json_schema_extra {"dagster__is_secret": True} masks only in the UI
150 + Validation errors (construction and run config) print the offending value, also of secret fields
"""
# fmt: on


def _read(line: str) -> Row:
    number, mark, title = line.split(" ", 2)
    return Row(int(number), mark, title)


ROWS: Final = {row.number: row for row in map(_read, _TABLE.strip().splitlines())}

LEFT_OUT: Final = {
    8: "extra fields are a switch of pydantic's; here a name that is no field is an error, which is row 7",
    24: "a constructor of one's own is not needed: attrs' defaults, converters and __attrs_post_init__ do what it did",
    33: "frozen=False is a switch of pydantic's, and has no effect on a run in Dagster either",
    78: "there is no process pool of ours; for many machines the container goes into Dask, Celery or Dagster itself",
    117: "no schedules and sensors, and Dagster's own function for it is deprecated and does nothing",
    140: "no partitions",
    141: "no partitions",
}
"""The rows that are not tested, and why."""
