/** Short names of the API's models. */
import type { Readable } from "openapi-typescript-helpers";
import type { components } from "./schema";

type Models = { [Name in keyof components["schemas"]]: Readable<components["schemas"][Name]> };

export type AgreementHistory = Models["AgreementHistory"];
export type CheckpointView = Models["CheckpointView"];
export type ControlView = Models["ControlView"];
export type EditView = Models["EditView"];
export type ExportView = Models["ExportView"];
export type FieldProblem = Models["FieldProblem"];
export type Figure = Models["Figure"];
export type FigureList = Models["FigureList"];
export type LogEntry = Models["LogEntry"];
export type PlannedSegment = Models["PlannedSegment"];
export type PolicyView = Models["PolicyView"];
export type ProbeView = Models["ProbeView"];
export type Problem = Models["Problem"];
export type Progress = Models["Progress"];
export type ResultCard = Models["ResultCard"];
export type RetriedRun = Models["RetriedRun"];
export type Run = Models["Run"];
export type RunError = Models["RunError"];
export type RunState = Models["RunState"];
export type RunSummary = Models["RunSummary"];
export type SampleView = Models["SampleView"];
export type Score = Models["Score"];
export type SegmentView = Models["SegmentView"];
export type Session = Models["Session"];
export type SpecCheck = Models["SpecCheck"];
export type SpecTemplate = Models["SpecTemplate"];
export type StreamChanged = Models["StreamChanged"];
export type StreamPoints = Models["StreamPoints"];
export type StreamProgress = Models["StreamProgress"];
export type StreamReset = Models["StreamReset"];
export type Trigger = Models["Trigger"];
export type WorkerView = Models["WorkerView"];
