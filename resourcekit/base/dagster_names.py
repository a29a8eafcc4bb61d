"""Names that Dagster has and this package has not: what to write in their place."""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Final

__all__ = ("absent",)

_IN_DAGSTER: Final = "is not here: keep the resources, and run the assets in Dagster for it"
_INSTEAD: Final = {
    "AssetIn": "write ins={'orders': 'shop/orders'}",
    "AssetOut multi_asset graph_multi_asset": "write one asset for each value",
    "AssetSelection": "write selection='*report', 'orders+' or a list of assets",
    "AssetsDefinition": "it is AssetDefinition here",
    "AssetSpec SourceAsset AssetDep ResolvedAssetKey ResolvedAssetSpec": (
        "write an asset that gives the value, or deps=['shop/orders']"
    ),
    "AssetMaterialization AssetObservation ObserveResult ExpectationResult": "return MaterializeResult(metadata={...})",
    "Array Bool Dict Enum EnumValue Float Int List Map Noneable Permissive ScalarUnion Selector Set Shape String Tuple "
    "Model PermissiveConfig ConfigMapping": "annotate the fields of a resource: str, list[int], Literal['a', 'b'], ...",
    "Backoff Jitter": "write RetryPolicy(backoff='exponential')",
    "Config RunConfig ConfigSchema": "a run's config is that of its resources, config={'shop': {'path': 'x.db'}}",
    "DagsterInstance": "there is none: materialize is a function call",
    "DagsterType TypeCheck TypeCheckContext DagsterTypeLoader DagsterTypeLoaderContext PythonObjectDagsterType "
    "DagsterTypeCheckDidNotPass DagsterTypeCheckError check_dagster_type dagster_type_loader usable_as_dagster_type "
    "make_python_type_usable_as_dagster_type": (
        "annotate the parameter, with attrs and validators where a type is not enough"
    ),
    "DagsterError": "it is ResourceKitError here",
    "DagsterInvalidDefinitionError DagsterInvalidInvocationError DagsterInvalidSubsetError DagsterUnknownResourceError "
    "DagsterInvalidConfigDefinitionError DagsterUnmetExecutorRequirementsError": "it is DefinitionError here",
    "DagsterInvalidConfigError": "it is ConfigError here",
    "DagsterExecutionStepExecutionError": "a step's own error surfaces, of its own type",
    "ExecuteInProcessResult JobExecutionResult": "it is ExecutionResult here",
    "Failure": "raise an exception of any kind; metadata goes into context.add_output_metadata({...})",
    "In": "annotate the parameter",
    "Out": "annotate what the op returns; write @op(io_manager_key=...)",
    "GraphDefinition GraphIn GraphOut graph graph_asset": "write a @job of ops, or assets",
    "InitResourceContext build_init_resource_context": "it is RunContext here",
    "IOManagerDefinition io_manager input_manager InputManager "
    "InputManagerDefinition": "subclass ConfigurableIOManager",
    "Injected": "annotate the parameter, or give it the default injected()",
    "Nothing": "write deps=[...] for an asset that only comes after another",
    "ResourceDefinition resource make_values_resource": (
        "subclass ConfigurableResourceFactory; a plain value is put under its key as it is"
    ),
    "RetryRequested": "raise an exception, and give the step a retry_policy",
    "RepositoryDefinition repository": "it is Definitions here",
    "StringSource IntSource BoolSource": "it is EnvVar here",
    "build_input_context": "write InputContext(name=..., upstream_output=OutputContext(step_key=...))",
    "build_output_context": "write OutputContext(step_key=..., asset_key=...)",
    "build_resources": "write `with ResourceContainer.of({...}).run() as resources:`",
    "configured config_mapping": "subclass the resource with other defaults, or use replace(resource, ...)",
    "define_asset_job": "write defs.materialize(selection=...)",
    "execute_job reconstructable": "write job.execute_in_process()",
    "failure_hook success_hook build_hook_context": "write progress=function, which hears of each step",
    "fs_io_manager custom_path_fs_io_manager UPathIOManager": "it is FilesystemIOManager(base_dir=...) here",
    "mem_io_manager": "it is InMemoryIOManager() here, and what is used when there is none",
    "get_dagster_logger logger LoggerDefinition colored_console_logger json_console_logger default_loggers "
    "default_system_loggers build_init_logger_context": "write context.log, or logging.getLogger(__name__)",
    "in_process_executor": "it is what there is; max_concurrent=4 runs several steps at once",
    "multiprocess_executor multi_or_in_process_executor executor Executor ExecutorDefinition": "write max_concurrent=4",
    "load_assets_from_modules load_assets_from_current_module load_assets_from_package_module "
    "load_assets_from_package_name": "list the assets, Definitions(assets=[orders, report])",
    "load_definitions_from_module load_definitions_from_modules load_from_defs_folder load_defs "
    "load_definitions_from_current_module load_definitions_from_package_module load_definitions_from_package_name": (
        "use Definitions.merge(...) of what the modules have"
    ),
    "materialize_to_memory": "write materialize(...): without an IO manager values stay in memory",
    "observable_source_asset multi_observable_source_asset": f"an observed asset {_IN_DAGSTER}",
    "with_resources": "write Definitions(assets=..., resources={...})",
}
"""By Dagster's names, several to a line."""

_ELSEWHERE: Final = """
AnchorBasedFilePathMapping AssetAttributesModel AssetJobKey AssetOrCheckKey AssetRecordsFilter AssetValueLoader
BetaWarning BindResourcesToJobs CodeLocationSelector ConfigArgumentWarning ConfigurableLegacyIOManagerAdapter
DagsterConfigMappingFunctionError DagsterEvent DagsterEventLogInvalidForRun DagsterEventType
DagsterExecutionInterruptedError DagsterExecutionStepNotFoundError DagsterInvariantViolationError
DagsterLibraryRegistry DagsterLogManager DagsterResourceFunctionError DagsterRun DagsterRunNotFoundError
DagsterStepOutputNotFoundError DagsterSubprocessError DagsterUserCodeExecutionError DataProvenance DataVersion
DefaultRunLauncher DependencyDefinition EvaluateAutomationConditionsResult EventLogEntry EventLogRecord
EventRecordsFilter EventRecordsResult ExecutorRequirement FileHandle FilePathMapping HookContext HookDefinition
HookExecutionResult IAttachDifferentObjectToOpContext InitExecutorContext InitLoggerContext InputMapping JobSelector
JsonLogFormatter LocalFileCodeReference LocalFileHandle MAX_RUNTIME_SECONDS_TAG MigrateIOStorageResult
MultiDependencyDefinition NodeInvocation OutputMapping PaginatedResults PendingNodeInvocation PreviewWarning
QueuedRunCoordinator ReexecutionOptions RepositoryData RepositorySelector RunRecord RunShardedEventsCursor RunsFilter
StepExecutionContext StepLauncher StepRunRef SubmitRunContext SupersessionWarning TableColumn TableColumnConstraints
TableColumnDep TableColumnLineage TableConstraints TableRecord TableSchema UPathDefsStateStorage UrlCodeReference
build_column_schema_change_checks build_metadata_bounds_checks build_reconstructable_job config_from_files
config_from_pkg_resources config_from_yaml_strings create_repository_using_definitions_args deprecation_warning
deserialize_value evaluate_automation_conditions external_instance_from_step_run_ref file_relative_path
instance_for_test link_code_references_to_git local_file_manager map_asset_specs migrate_io_storage
multiple_process_executor_requirements raise_execution_interrupts resources run_step_from_ref serialize_value
step_context_to_step_run_ref step_run_ref_to_step_context validate_run_config with_source_code_references
"""
"""What else Dagster exports: the tests compare."""

_FAMILIES: Final = {
    r"sensor|Sensor|SkipReason|RunRequest|RunStatus": "a sensor",
    r"schedule|Schedule": "a schedule",
    r"[pP]artition|Backfill|TimeWindow": "a partitioned asset",
    r"asset_check|AssetCheck": "an asset check",
    r"^Automation|^AutoMaterialize|Freshness|freshness": "automatic materialization",
    r"^Dynamic": "a dynamic output",
    r"^Pipes|_pipes_": "a Pipes session",
    r"^Component|[a-z]Component$|component|^[sS]caffold|^Resol|^template_var$": "a component",
}
"""What Dagster's names are about that match a pattern."""

_ADVICE: Final = {name: advice for names, advice in _INSTEAD.items() for name in names.split()}


def absent(module: ModuleType, name: str) -> AttributeError | ImportError:
    """The error for a name that a module of ours does not have: of Dagster's names it says what to write.

    Args:
        module: The module.
        name: The name.

    Returns:
        An AttributeError, so that `hasattr` works; in ``from module import name``, where an AttributeError would be
        replaced, an ImportError.

    >>> import resourcekit
    >>> print(absent(resourcekit, "AssetIn"))
    resourcekit has no AssetIn of Dagster's: write ins={'orders': 'shop/orders'}; see "Coming from Dagster" in the docs
    """
    advice = _advice(name)
    if advice is None:
        return AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)
    message = f'{module.__name__} has no {name} of Dagster\'s: {advice}; see "Coming from Dagster" in the docs'
    if _is_importing():
        return ImportError(message, name=module.__name__)
    return AttributeError(message, name=name)


def _advice(name: str) -> str | None:
    if name in _ADVICE:
        return _ADVICE[name]
    if name.startswith("_"):
        return None
    if name.endswith("MetadataValue") or name == "MetadataEntry":
        return "metadata is plain values, {'rows': 3}"
    if name in _ELSEWHERE.split():
        return f"it {_IN_DAGSTER}"
    topic = next((topic for pattern, topic in _FAMILIES.items() if re.search(pattern, name)), None)
    return None if topic is None else f"{topic} {_IN_DAGSTER}"


def _is_importing() -> bool:
    """Whether the name is wanted by a ``from module import name``: importlib asks for it by a function of this name."""
    asking = sys._getframe(2).f_back  # Behind `absent` and the module's own __getattr__.
    return asking is not None and asking.f_code.co_name == "_handle_fromlist"
