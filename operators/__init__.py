"""Driftgate's Airflow operators, by the short names that pipelines use."""

# An operator is one class, one schema in schemas/operators/, and one line here. Nothing is imported until a
# pipeline uses it.
OPERATORS: dict[str, str] = {
    "approval": "operators.approval.ApprovalOperator",
    "check_data_freshness": "operators.data.CheckDataFreshnessOperator",
    "check_drift": "operators.drift.CheckDriftOperator",
    "decide_action": "operators.drift.DecideActionOperator",
    "evaluate_model": "operators.training.EvaluateModelOperator",
    "log_status": "operators.drift.LogStatusOperator",
    "promote_to_production": "operators.production.PromoteToProductionOperator",
    "restart_api_service": "operators.production.RestartApiServiceOperator",
    "rollback_model": "operators.production.RollbackModelOperator",
    "send_alert": "operators.alerts.SendAlertOperator",
    "train_model": "operators.training.TrainModelOperator",
    "trigger_retraining": "operators.retraining.TriggerRetrainingOperator",
    "validate_data_quality": "operators.data.ValidateDataQualityOperator",
}
